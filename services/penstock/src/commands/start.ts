import type { Command } from "commander";
import type { CommandIo } from "./command-io.ts";
import { addExamples } from "./command-options.ts";
import type { StartFlags } from "./run-start.ts";

/** Adds `penstock start`. Its work is read only when it runs. */
export function addStartCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("start")
    .summary("run everything in this process, or some roles of a suite")
    .description(
      "Runs all roles in this process until Ctrl-C. A flag wins over its environment variable;\n" +
        "port 0 takes any free one. The first start sets up a demo with two simulated vendors.\n" +
        "With --role it runs these roles alone, next to other processes on NATS and PostgreSQL;\n" +
        "PENSTOCK_SERVICE_TOKEN is what they know each other by.",
    )
    .option("--role <list>", "router,policy,quota,telemetry,simulator (PENSTOCK_ROLES)")
    .option("--http-port <port>", "OpenAI API (PENSTOCK_HTTP_PORT, 8080)")
    .option("--grpc-port <port>", "gRPC (PENSTOCK_GRPC_PORT, 8081)")
    .option("--control-port <port>", "control services (PENSTOCK_CONTROL_PORT, 8082)")
    .option("--admin-port <port>", "health, metrics, explain (PENSTOCK_ADMIN_PORT, 8083)")
    .option("--simulator-port <port>", "simulated vendors (PENSTOCK_SIMULATOR_PORT, 8084)")
    .option("--bind-address <address>", "(PENSTOCK_BIND_ADDRESS, 127.0.0.1)")
    .option("--data-dir <folder>", "everything stored (PENSTOCK_DATA_DIR, .penstock)")
    .option("--replica <name>", "name of this router (PENSTOCK_REPLICA, a random one)")
    .option("--bus-url <url>", "NATS (PENSTOCK_BUS_URL; else inside the process)")
    .option("--database-url <url>", "PostgreSQL (PENSTOCK_DATABASE_URL; else in the data folder)")
    .option("--policy-url <url>", "policy in another process (PENSTOCK_POLICY_URL)")
    .option("--quota-url <url>", "quota in another process (PENSTOCK_QUOTA_URL)")
    .option("--migrate [on|off]", "migrate the database first (PENSTOCK_MIGRATE)")
    .option("--config <file>", "manifest to apply at the start and whenever it changes")
    .option("--no-demo", "configure nothing by itself");
  addExamples(command, [
    "penstock start",
    "penstock start --config gateway.yaml --no-demo",
    "penstock start --http-port 0 --grpc-port 0 --data-dir /tmp/penstock",
    "penstock start --role policy,quota,telemetry",
    "penstock start --role router --policy-url http://policy:8082 --quota-url http://quota:8082",
  ]);
  command.action(async (flags: StartFlags) => {
    const { runStart } = await import("./run-start.ts");
    exit(await runStart(io, flags));
  });
}
