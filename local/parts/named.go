package parts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared/connect"
)

// Named is a running part that the environment names.
type Named struct {
	Variable, Address string
	Found             string // what answers there
	Err               error  // why it cannot be used
}

// Look asks each part that the environment names whether it can be used.
func Look(ctx context.Context) (all []Named) {
	for _, one := range []struct {
		variable string
		ask      func(ctx context.Context, address string) (found string, err error)
	}{{"KAFKA_BROKERS", lookKafka}, {"REDIS_URL", lookRedis}, {"DATABASE_URL", lookSQL}} {
		address := os.Getenv(one.variable)
		if address == "" {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, 5*time.Second)
		found, err := one.ask(limited, address)
		cancel()
		all = append(all, Named{one.variable, connect.Bare(address), found, err})
	}
	return all
}

// named is what is wrong with the parts that the environment names.
func named(ctx context.Context) (err error) {
	for _, one := range Look(ctx) {
		err = errors.Join(err, one.Err)
	}
	return err
}

func lookKafka(ctx context.Context, address string) (found string, err error) {
	client, err := clientOf(address)
	if err != nil {
		return "", err
	}
	defer client.Close()
	brokers, err := kadm.NewClient(client).ListBrokers(ctx)
	if err != nil {
		return "", connect.Unreachable("KAFKA_BROKERS", address, err)
	}
	return fmt.Sprintf("Kafka, brokers: %d", len(brokers)), nil
}

func clientOf(address string) (*kgo.Client, error) {
	options, err := connect.Kafka(address)
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(options, kgo.RetryTimeout(5*time.Second))...)
}

func lookRedis(ctx context.Context, address string) (found string, err error) {
	client, err := connect.Redis(address)
	if err != nil {
		return "", err
	}
	defer func() { _ = client.Close() }()
	if err := client.Ping(ctx).Err(); err != nil {
		return "", connect.Unreachable("REDIS_URL", address, err)
	}
	return "Redis", nil
}

func lookSQL(_ context.Context, address string) (found string, err error) {
	db, err := connect.SQL(address)
	if err != nil {
		return "", err
	}
	return "SQL", db.Close()
}
