// A cheap provider that speaks openai-chat: one thread, HTTP/1.1 with keep-alive.
//   mock PORT CHUNKS GAP_US [FOLDER]
// With a folder it speaks what the files there say, sent as they are: `whole` (an answer with its
// head), `head` (of a stream, with what comes first), `event` (one piece), `last`. Then a path with
// the word "stream" asks for a stream as well.
// A body holding "stream":true is answered with CHUNKS events, GAP_US microseconds apart (0: at
// once), a usage event and [DONE]; any other POST with one body of about 1 KB. GET /counts says how
// many of both were answered.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FD = 65536, BUFFER_BYTES = 1 << 18, QUEUE_SLOTS = 1 << 18, ANSWER_BYTES = 1 << 16 };

typedef struct {
  char *bytes;
  int length;
  int events_left;  // of the stream that is being sent
  unsigned generation;
} Connection;

typedef struct {
  long due_us;
  int fd;
  unsigned generation;
} Due;

static Connection connections[MAX_FD];
// The gap is the same for all, so that a queue in order of arrival is in order of time as well.
static Due queue[QUEUE_SLOTS];
static unsigned queue_head, queue_tail;
static int chunks, gap_us;
static long whole_answers, stream_answers;
static char whole[ANSWER_BYTES], head_of_stream[ANSWER_BYTES], event[ANSWER_BYTES], last[ANSWER_BYTES];
static int whole_length, head_length, event_length, last_length, speaks_files;

static const char stream_head[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    "x-request-id: req_0123456789abcdef\r\ntransfer-encoding: chunked\r\n\r\n";

static const char whole_body[] =
    "{\"id\":\"chatcmpl-A1b2C3d4E5f6G7h8I9j0\",\"object\":\"chat.completion\",\"created\":1700000000,"
    "\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
    "\"assistant\",\"content\":\"%s\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}"
    "],\"usage\":{\"prompt_tokens\":57,\"completion_tokens\":141,\"total_tokens\":198,"
    "\"prompt_tokens_details\":{\"cached_tokens\":0},\"completion_tokens_details\":"
    "{\"reasoning_tokens\":0}},\"system_fingerprint\":\"fp_0123456789\"}";

static const char chunk_start[] =
    "data: {\"id\":\"chatcmpl-A1b2C3d4E5f6G7h8I9j0\",\"object\":\"chat.completion.chunk\","
    "\"created\":1700000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"system_fingerprint\":"
    "\"fp_0123456789\",\"choices\":[";

static long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void send_all(int fd, const char *bytes, int length) {
  while (length > 0) {
    ssize_t sent = write(fd, bytes, length);
    if (sent < 0 && errno != EAGAIN) return;
    if (sent < 0) {
      usleep(50);
      continue;
    }
    bytes += sent;
    length -= sent;
  }
}

static int as_chunk(char *target, const char *text) {
  return sprintf(target, "%zx\r\n%s\r\n", strlen(text), text);
}

static void build_answers(void) {
  head_length = sprintf(head_of_stream, "%s", stream_head);
  char text[641], body[2048], data[900], tail[400];
  for (int i = 0; i < 640; i++) text[i] = i % 6 == 5 ? ' ' : 'a' + i % 23;
  text[640] = 0;
  int length = sprintf(body, whole_body, text);
  whole_length = sprintf(whole,
                         "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: "
                         "req_0123456789abcdef\r\ncontent-length: %d\r\n\r\n%s",
                         length, body);
  strcpy(tail,
         "{\"index\":0,\"delta\":{\"content\":\" hello\"},\"logprobs\":null,\"finish_reason\":null}]"
         "}\n\n");
  sprintf(data, "%s%s", chunk_start, tail);
  event_length = as_chunk(event, data);
  strcpy(tail, "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n");
  sprintf(data, "%s%s", chunk_start, tail);
  last_length = as_chunk(last, data);
  sprintf(data,
          "%s],\"usage\":{\"prompt_tokens\":57,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n"
          "data: [DONE]\n\n",
          chunk_start, chunks, 57 + chunks);
  last_length += as_chunk(last + last_length, data);
  last_length += sprintf(last + last_length, "0\r\n\r\n");
}

static int load_answer(const char *folder, const char *name, char *target) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "r");
  if (!file) {
    perror(path);
    exit(1);
  }
  int length = fread(target, 1, ANSWER_BYTES, file);
  fclose(file);
  if (length < ANSWER_BYTES) return length;
  fprintf(stderr, "%s is too large\n", path);
  exit(1);
}

static void load_answers(const char *folder) {
  speaks_files = 1;
  whole_length = load_answer(folder, "whole", whole);
  head_length = load_answer(folder, "head", head_of_stream);
  event_length = load_answer(folder, "event", event);
  last_length = load_answer(folder, "last", last);
}

static int path_names_stream(const char *request) {
  int line = strchr(request, '\r') - request;
  return memmem(request, line, "stream", 6) != 0;
}

static void wait_for_gap(int fd) {
  queue[queue_tail++ % QUEUE_SLOTS] = (Due){now_us() + gap_us, fd, connections[fd].generation};
}

// Returns 1 when the answer is complete at once.
static int answer(int fd, int is_stream) {
  Connection *c = &connections[fd];
  if (!is_stream) {
    whole_answers++;
    send_all(fd, whole, whole_length);
    return 1;
  }
  stream_answers++;
  send_all(fd, head_of_stream, head_length);
  if (gap_us > 0) {
    send_all(fd, event, event_length);
    c->events_left = chunks;
    wait_for_gap(fd);
    return 0;
  }
  for (int i = 0; i < chunks; i++) send_all(fd, event, event_length);
  send_all(fd, last, last_length);
  return 1;
}

static void answer_counts(int fd) {
  char body[100], head[200];
  int length = sprintf(body, "{\"whole\":%ld,\"streams\":%ld}", whole_answers, stream_answers);
  int head_length = sprintf(head,
                            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                            "content-length: %d\r\n\r\n%s",
                            length, body);
  send_all(fd, head, head_length);
}

static int asks_for_stream(const char *body, int length) {
  static const char member[] = "\"stream\":";
  const char *found = memmem(body, length, member, sizeof member - 1);
  if (!found) return 0;
  found += sizeof member - 1;
  while (*found == ' ') found++;
  return *found == 't';
}

static void read_requests(int fd) {
  Connection *c = &connections[fd];
  while (c->events_left == 0 && c->length > 0) {
    c->bytes[c->length] = 0;
    char *end = memmem(c->bytes, c->length, "\r\n\r\n", 4);
    if (!end) return;
    int head = end + 4 - c->bytes, body = 0;
    *end = 0;
    char *size = strcasestr(c->bytes, "\ncontent-length:");
    int chunked = strcasestr(c->bytes, "\ntransfer-encoding: chunked") != 0;
    *end = '\r';
    if (size) body = atoi(size + 16);
    if (chunked) {
      char *zero = memmem(c->bytes + head, c->length - head, "0\r\n\r\n", 5);
      if (!zero) return;
      body = zero + 5 - c->bytes - head;
    }
    if (c->length < head + body) return;
    int is_count = !strncmp(c->bytes, "GET ", 4);
    int is_stream = asks_for_stream(c->bytes + head, body) ||
                    (speaks_files && path_names_stream(c->bytes));
    c->length -= head + body;
    memmove(c->bytes, c->bytes + head + body, c->length);
    if (is_count) answer_counts(fd);
    else if (!answer(fd, is_stream)) return;
  }
}

static void send_next_event(int fd) {
  Connection *c = &connections[fd];
  if (--c->events_left > 0) {
    send_all(fd, event, event_length);
    wait_for_gap(fd);
    return;
  }
  send_all(fd, last, last_length);
  read_requests(fd);
}

static void drop(int fd) {
  Connection *c = &connections[fd];
  close(fd);
  free(c->bytes);
  *c = (Connection){.generation = c->generation + 1};
}

static void take_connections(int listener, int poller) {
  int fd, one = 1;
  while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connections[fd].bytes = malloc(BUFFER_BYTES + 1);
    struct epoll_event wish = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wish);
  }
}

static void on_readable(int fd) {
  Connection *c = &connections[fd];
  ssize_t got = read(fd, c->bytes + c->length, BUFFER_BYTES - c->length);
  if (got == 0 || (got < 0 && errno != EAGAIN)) {
    drop(fd);
    return;
  }
  if (got < 0) return;
  c->length += got;
  read_requests(fd);
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) {
    perror("listen");
    exit(1);
  }
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 4 && argc != 5) return 2;
  chunks = atoi(argv[2]);
  gap_us = atoi(argv[3]);
  signal(SIGPIPE, SIG_IGN);
  if (argc == 5) load_answers(argv[4]);
  else build_answers();
  int listener = listen_on(atoi(argv[1])), poller = epoll_create1(0);
  struct epoll_event wish = {.events = EPOLLIN, .data.fd = listener}, events[512];
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &wish);
  for (;;) {
    struct timespec timeout, *limit = 0;
    if (queue_head != queue_tail) {
      long wait = queue[queue_head % QUEUE_SLOTS].due_us - now_us();
      if (wait < 0) wait = 0;
      timeout = (struct timespec){wait / 1000000, wait % 1000000 * 1000};
      limit = &timeout;
    }
    int count = epoll_pwait2(poller, events, 512, limit, 0);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == listener) take_connections(listener, poller);
      else on_readable(events[i].data.fd);
    }
    long now = now_us();
    while (queue_head != queue_tail && queue[queue_head % QUEUE_SLOTS].due_us <= now) {
      Due due = queue[queue_head++ % QUEUE_SLOTS];
      Connection *c = &connections[due.fd];
      if (c->generation == due.generation && c->bytes) send_next_event(due.fd);
    }
  }
}
