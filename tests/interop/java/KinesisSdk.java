// SPDX-License-Identifier: Apache-2.0
//
// What Spark's and Flink's connectors do to Kinesis, by the AWS SDK for Java: the synchronous client (HTTP/1.1)
// and the asynchronous one (HTTP/2), both in CBOR, at the endpoint that is the argument. Prints what it
// found, one fact a line; test_kinesis_java.py compares.
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.*;

public class KinesisSdk {
  static final String STREAM = "java";
  static final String SHARD = "shardId-000000000000";

  static void tell(String what, Object value) { System.out.println(what + "=" + value); }

  static PutRecordsRequest records(int first, int count) {
    List<PutRecordsRequestEntry> entries = new ArrayList<>();
    for (int i = first; i < first + count; ++i) {
      entries.add(PutRecordsRequestEntry.builder().partitionKey("ключ" + i)
          .data(SdkBytes.fromUtf8String("event-" + i)).build());
    }
    return PutRecordsRequest.builder().streamName(STREAM).records(entries).build();
  }

  static void synchronous(KinesisClient client) {
    client.createStream(r -> r.streamName(STREAM).shardCount(1));
    client.waiter().waitUntilStreamExists(r -> r.streamName(STREAM));
    var told = client.describeStreamSummary(r -> r.streamName(STREAM)).streamDescriptionSummary();
    tell("status", told.streamStatusAsString());
    tell("created", Duration.between(told.streamCreationTimestamp(), Instant.now()).abs().toMinutes() < 5);
    Instant before = Instant.now();
    tell("failed", client.putRecords(records(0, 200)).failedRecordCount());
    for (ShardIteratorType type : List.of(ShardIteratorType.TRIM_HORIZON, ShardIteratorType.AT_TIMESTAMP)) {
      String iterator = client.getShardIterator(r -> r.streamName(STREAM).shardId(SHARD)
          .shardIteratorType(type).timestamp(before.minusSeconds(1))).shardIterator();
      var read = client.getRecords(r -> r.shardIterator(iterator));
      tell(type.toString(), read.records().size());
      tell("last", read.records().get(199).data().asUtf8String() + " " + read.records().get(199).partitionKey());
      tell("arrived", Duration.between(read.records().get(0).approximateArrivalTimestamp(), Instant.now()).abs().toMinutes() < 5);
      tell("behind", read.millisBehindLatest());
    }
    try {
      client.getRecords(r -> r.shardIterator("nonsense"));
    } catch (InvalidArgumentException wrong) {
      tell("refused", wrong.awsErrorDetails().errorCode());
    }
    try {
      client.describeStreamSummary(r -> r.streamName("none"));
    } catch (ResourceNotFoundException wrong) {
      tell("unknown", wrong.awsErrorDetails().errorCode());
    }
  }

  static void asynchronous(KinesisAsyncClient client) {
    List<CompletableFuture<PutRecordsResponse>> puts = new ArrayList<>();
    for (int i = 0; i < 20; ++i) puts.add(client.putRecords(records(200 + i * 100, 100)));
    int failed = 0;
    for (var put : puts) failed += put.join().failedRecordCount();
    tell("async failed", failed);
    String arn = client.describeStreamSummary(r -> r.streamName(STREAM)).join().streamDescriptionSummary().streamARN();
    String consumer = client.registerStreamConsumer(r -> r.streamARN(arn).consumerName("c")).join().consumer().consumerARN();
    tell("consumer", client.describeStreamConsumer(r -> r.consumerARN(consumer)).join().consumerDescription().consumerStatusAsString());
    List<String> seen = new ArrayList<>();
    List<String> children = new ArrayList<>();
    CompletableFuture<Void> split = new CompletableFuture<>();
    var handler = SubscribeToShardResponseHandler.builder()
        .onError(error -> tell("error", error))
        .subscriber(SubscribeToShardResponseHandler.Visitor.builder().onSubscribeToShardEvent(event -> {
          for (var record : event.records()) seen.add(record.data().asUtf8String());
          for (var child : event.childShards()) children.add(child.shardId());
          if (seen.size() == 2200) split.complete(null);
        }).build()).build();
    var subscription = client.subscribeToShard(r -> r.consumerARN(consumer).shardId(SHARD)
        .startingPosition(p -> p.type(ShardIteratorType.TRIM_HORIZON)), handler);
    split.orTimeout(30, java.util.concurrent.TimeUnit.SECONDS).join();
    // Beside the subscription, on the same connection.
    client.splitShard(r -> r.streamName(STREAM).shardToSplit(SHARD)
        .newStartingHashKey("170141183460469231731687303715884105728")).join();
    subscription.orTimeout(30, java.util.concurrent.TimeUnit.SECONDS).join();
    tell("subscribed", seen.size() + " " + seen.stream().distinct().count());
    tell("children", children);
    try {
      client.putRecords(records(0, 501)).join();
    } catch (CompletionException wrong) {
      tell("async refused", ((KinesisException) wrong.getCause()).awsErrorDetails().errorCode());
    }
  }

  public static void main(String[] arguments) {
    var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("daypart", "daypart"));
    URI endpoint = URI.create(arguments[0]);
    try (var client = KinesisClient.builder().endpointOverride(endpoint).region(Region.US_EAST_1)
             .credentialsProvider(credentials).build()) {
      synchronous(client);
    }
    try (var client = KinesisAsyncClient.builder().endpointOverride(endpoint).region(Region.US_EAST_1)
             .credentialsProvider(credentials).build()) {
      asynchronous(client);
    }
  }
}
