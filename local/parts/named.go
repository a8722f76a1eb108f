package parts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
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
	conn, err := client.Options().Dialer(ctx, "tcp", client.Options().Addr) // the client tries again and again, and then knows only that time is up
	if err == nil {
		_ = conn.Close()
		err = client.Ping(ctx).Err()
	}
	if err != nil {
		return "", connect.Unreachable("REDIS_URL", address, err)
	}
	is := aboutRedis(ctx, client)
	switch {
	case is.Role != "" && is.Role != master:
		err = fmt.Errorf("REDIS_URL %s is a replica, which takes no writes: name its master", connect.Bare(address))
	case is.Policy != "" && is.Policy != noEviction:
		err = fmt.Errorf("REDIS_URL %s has maxmemory-policy %s, by which it forgets notifications when it is full: CONFIG SET maxmemory-policy noeviction there, or name another Redis",
			connect.Bare(address), is.Policy)
	}
	return "Redis", err
}

// RedisIs is what a Redis says of itself; empty where a user may not ask.
type RedisIs struct {
	Role   string // master or slave
	Policy string // maxmemory-policy: what it lets go when it is full
}

// What a house can use: it writes, and nothing of what it wrote may go by itself.
const master, noEviction = "master", "noeviction"

// AboutRedis asks the Redis of p what it is. The embedded one has no replicas and no limit.
func (p *Parts) AboutRedis(ctx context.Context) (is RedisIs, err error) {
	if one, err := p.started(Redis); err == nil && one.process == nil {
		return RedisIs{master, noEviction}, nil
	}
	client, err := connect.Redis(p.Redis)
	if err != nil {
		return is, err
	}
	defer func() { _ = client.Close() }()
	return aboutRedis(ctx, client), nil
}

func aboutRedis(ctx context.Context, client *redis.Client) RedisIs {
	about := client.InfoMap(ctx).Val()
	return RedisIs{about["Replication"]["role"], about["Memory"]["maxmemory_policy"]}
}

func lookSQL(_ context.Context, address string) (found string, err error) {
	db, err := connect.SQL(address)
	if err != nil {
		return "", err
	}
	return "SQL", db.Close()
}
