// A whole answer, a streamed one, and an error, with the generated client.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	inference "example.com/penstock/gen/penstock/inference/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func request(model, text string) *inference.GenerateRequest {
	part := &inference.ContentPart{Part: &inference.ContentPart_Text{Text: &inference.TextPart{Text: text}}}
	message := &inference.Message{Role: inference.MessageRole_MESSAGE_ROLE_USER, Parts: []*inference.ContentPart{part}}
	return &inference.GenerateRequest{Model: model, Messages: []*inference.Message{message}}
}

// reasonOf is the stable name of what went wrong, such as LIMIT_EXCEEDED.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return ""
}

func main() {
	address := os.Getenv("PENSTOCK_GRPC_ADDRESS")
	if address == "" {
		address = "127.0.0.1:8081"
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	client := inference.NewInferenceServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("OPENAI_API_KEY"))

	answer, err := client.Generate(ctx, request("smart", "Say hello."))
	if err != nil {
		log.Fatal(err)
	}
	for _, part := range answer.Candidates[0].Parts {
		fmt.Print(part.GetText().GetText())
	}
	fmt.Println("\nby", answer.Started.Deployment)

	stream, err := client.StreamGenerate(ctx, &inference.StreamGenerateRequest{Request: request("smart", "Count to three.")})
	if err != nil {
		log.Fatal(err)
	}
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(event.GetBlockDelta().GetText())
		if finished := event.GetFinished(); finished != nil {
			fmt.Println("\ntokens", finished.Usage.GetOutputTokens())
		}
	}

	_, err = client.Generate(ctx, request("unknown", "Hello."))
	fmt.Println(status.Code(err), reasonOf(err))
}
