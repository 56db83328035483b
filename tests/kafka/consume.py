#!/usr/bin/env python3
"""Reads a topic from the beginning and prints one JSON object a line for each record.

It stands apart from the program under test: another client binding, no consumer group, every partition assigned
from its first offset. Needs the PyPI package confluent-kafka.

Exit status: 0 when --count records were read or, without --count, when the end of every partition was reached;
1 when the time ran out first.
"""

import argparse
import json
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

RECORDS_PER_CALL = 500
POLL_SECONDS = 0.2


def text(data):
    """The bytes as text, None as None; bytes that are not UTF-8 appear as \\xNN."""
    if data is None or isinstance(data, str):
        return data
    return data.decode("utf-8", errors="backslashreplace")


def as_object(message):
    """What is printed for one record. Headers stay a list of pairs: a name may occur more than once."""
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": message.timestamp()[1],
        "key": text(message.key()),
        "headers": [[name, text(value)] for name, value in message.headers() or []],
        "value": text(message.value()),
    }


def partitions_of(consumer, topic, deadline):
    """The partition numbers of the topic, waiting for broker and topic to appear; empty when the time ran out."""
    while (left := deadline - time.monotonic()) > 0:
        try:
            found = consumer.list_topics(topic, timeout=min(left, 5)).topics[topic]
            if found.error is None and found.partitions:
                return sorted(found.partitions)
        except KafkaException as error:
            print(f"consume: {error}", file=sys.stderr)
        time.sleep(POLL_SECONDS)
    return []


def consume(consumer, topic, count, deadline):
    """Prints records until count, the ends (when count is None) or the deadline; returns (records, whether complete)."""
    open_partitions = set(partitions_of(consumer, topic, deadline))
    if not open_partitions:
        return 0, False
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in sorted(open_partitions)])
    printed = 0
    while True:
        if printed == count or (count is None and not open_partitions):
            return printed, True
        left = deadline - time.monotonic()
        if left <= 0:
            return printed, False
        wanted = RECORDS_PER_CALL if count is None else min(RECORDS_PER_CALL, count - printed)
        for message in consumer.consume(wanted, timeout=min(left, POLL_SECONDS)):
            error = message.error()
            if error is None:
                print(json.dumps(as_object(message)))
                printed += 1
            elif error.code() == KafkaError._PARTITION_EOF:
                open_partitions.discard(message.partition())
            else:
                print(f"consume: {error}", file=sys.stderr)
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description="print the records of a topic as JSON lines")
    parser.add_argument("bootstrap", help="host:port of a broker")
    parser.add_argument("topic")
    parser.add_argument("--count", type=int, help="stop after this many records (default: at the end of every partition)")
    parser.add_argument("--timeout", type=float, default=30, help="give up after this many seconds (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a librdkafka setting; repeatable")
    arguments = parser.parse_args()

    deadline = time.monotonic() + arguments.timeout
    consumer = Consumer({
        "bootstrap.servers": arguments.bootstrap,
        # The client insists on a name; no group is joined and no offset committed.
        "group.id": "consume.py",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        **dict(pair.split("=", 1) for pair in arguments.set),
    })
    try:
        printed, complete = consume(consumer, arguments.topic, arguments.count, deadline)
    finally:
        consumer.close()
    if not complete:
        print(f"consume: time ran out after {printed} records", file=sys.stderr)
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
