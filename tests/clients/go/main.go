// The Go clients franz-go and kafka-go against a broker: `clients HOST:PORT`. Ends with 1 at the first difference.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"time"

	segmentio "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func must(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "go: %s: %v\n", what, err)
		os.Exit(1)
	}
}

func same[T comparable](what string, found, expected T) {
	if found != expected {
		must(what, fmt.Errorf("%v, expected %v", found, expected))
	}
}

func main() {
	bootstrap := os.Args[1]
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	franz(ctx, bootstrap, run)
	kafkaGo(ctx, bootstrap, run)
}

func client(options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(options...)
	must("a client", err)
	return client
}

// Idempotent production, a cooperative group, and a transactional copy, of which only committed records are read.
func franz(ctx context.Context, bootstrap, run string) {
	topic, copied, group := "franz-"+run, "franz-copied-"+run, "franz-group-"+run
	seeds := kgo.SeedBrokers(bootstrap)
	plain := client(seeds)
	defer plain.Close()
	admin := kadm.NewClient(plain)
	made, err := admin.CreateTopics(ctx, 3, 1, nil, topic, copied)
	must("topics", err)
	must("topics", made.Error())
	for n := range 1000 {
		record := &kgo.Record{Topic: topic, Key: []byte(strconv.Itoa(n)), Value: []byte(strconv.Itoa(n))}
		plain.Produce(ctx, record, func(_ *kgo.Record, err error) { must("producing", err) })
	}
	must("flush", plain.Flush(ctx))

	session, err := kgo.NewGroupTransactSession(seeds, kgo.TransactionalID("franz-"+run), kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RequireStableFetchOffsets(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.Balancers(kgo.CooperativeStickyBalancer()))
	must("a session", err)
	for count := 0; count < 1000; {
		fetches := session.PollFetches(ctx)
		for _, failure := range fetches.Errors() {
			must("fetching", failure.Err)
		}
		must("begin", session.Begin())
		fetches.EachRecord(func(record *kgo.Record) {
			copy := &kgo.Record{Topic: copied, Value: record.Value}
			session.Produce(ctx, copy, func(_ *kgo.Record, err error) { must("copying", err) })
		})
		committed, err := session.End(ctx, kgo.TryCommit)
		must("end", err)
		if committed {
			count += fetches.NumRecords()
		}
	}
	session.Close()

	reader := client(seeds, kgo.ConsumeTopics(copied), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer reader.Close()
	var found []int
	for len(found) < 1000 {
		fetches := reader.PollFetches(ctx)
		must("reading", fetches.Err())
		fetches.EachRecord(func(record *kgo.Record) {
			n, err := strconv.Atoi(string(record.Value))
			must("a number", err)
			found = append(found, n)
		})
	}
	sort.Ints(found)
	for n, value := range found {
		same("copy", value, n)
	}
	lags, err := admin.Lag(ctx, group)
	must("lag", err)
	same("lag", lags[group].Lag.Total(), 0)
	same("state", lags[group].State, "Empty")

	// The same records once more, with partitions that the coordinator shares out (KIP-848).
	member := client(seeds, kgo.ConsumerGroup(group+"-server"), kgo.ServerSideBalancer(), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	for count := 0; count < 1000; {
		fetches := member.PollFetches(ctx)
		must("reading as a member", fetches.Err())
		count += fetches.NumRecords()
	}
	must("committing", member.CommitUncommittedOffsets(ctx))
	member.Close()
	lags, err = admin.Lag(ctx, group+"-server")
	must("lag", err)
	same("lag", lags[group+"-server"].Lag.Total(), 0)
	_, err = admin.DeleteTopics(ctx, topic, copied)
	must("deleting", err)
}

// This client uses old versions of most requests.
func kafkaGo(ctx context.Context, bootstrap, run string) {
	topic, group := "kafka-go-"+run, "kafka-go-group-"+run
	conn, err := segmentio.DialContext(ctx, "tcp", bootstrap)
	must("dialling", err)
	defer conn.Close()
	must("a topic", conn.CreateTopics(segmentio.TopicConfig{Topic: topic, NumPartitions: 2, ReplicationFactor: 1}))
	writer := &segmentio.Writer{Addr: segmentio.TCP(bootstrap), Topic: topic, RequiredAcks: segmentio.RequireAll,
		BatchTimeout: 5 * time.Millisecond, Compression: segmentio.Snappy}
	messages := make([]segmentio.Message, 500)
	for n := range messages {
		messages[n] = segmentio.Message{Key: []byte(strconv.Itoa(n)), Value: []byte(strconv.Itoa(n))}
	}
	for err = writer.WriteMessages(ctx, messages...); errors.Is(err, segmentio.UnknownTopicOrPartition); {
		time.Sleep(50 * time.Millisecond) // Kafka says that a topic is made before everybody knows it
		err = writer.WriteMessages(ctx, messages...)
	}
	must("writing", err)
	must("closing", writer.Close())
	seen := map[string]int{}
	for _, half := range []int{250, 500} { // a second reader goes on where the first has committed
		reader := segmentio.NewReader(segmentio.ReaderConfig{Brokers: []string{bootstrap}, GroupID: group, Topic: topic,
			StartOffset: segmentio.FirstOffset, MaxWait: 200 * time.Millisecond})
		for count := len(seen); count < half; count++ {
			message, err := reader.ReadMessage(ctx)
			must("reading", err)
			seen[string(message.Value)]++
		}
		must("closing", reader.Close())
	}
	same("records", len(seen), 500)
	for value, count := range seen {
		same(value, count, 1)
	}
	must("deleting", conn.DeleteTopics(topic))
}
