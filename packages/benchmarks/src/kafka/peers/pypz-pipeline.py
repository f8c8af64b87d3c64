"""
pypz with the same work as the pipeline beside it: a writer and a reader on Kafka, each in a process of its own, tuned by larger
batches and polls than it has by itself.

    pypz-pipeline.py BOOTSTRAP PIPELINE RECORDS             runs both, prints {"seconds": ...} from the first send to the last record
    pypz-pipeline.py BOOTSTRAP PIPELINE RECORDS INSTANCE    runs one of them, prints such a time
"""

import json
import subprocess
import sys
import time

from pypz.core.specs.operator import Operator
from pypz.core.specs.pipeline import Pipeline
from pypz.executors.commons import ExecutionMode
from pypz.executors.operator.executor import OperatorExecutor
from pypz.plugins.kafka_io.ports import KafkaChannelInputPort, KafkaChannelOutputPort

SCHEMA = json.dumps({
    "type": "record", "name": "Reading", "namespace": "com.example",
    "fields": [{"name": "text", "type": "string"}, {"name": "n", "type": "int"}],
})
BATCH = 1000
BOOTSTRAP, PIPELINE, RECORDS = sys.argv[1], sys.argv[2], int(sys.argv[3])
TEXTS = [(f"{i} " * 95)[:95] for i in range(256)]


class Quiet(Operator):
    def _on_init(self):
        return True

    def _on_shutdown(self):
        return True

    def _on_interrupt(self, system_signal=None):
        pass

    def _on_error(self, source, exception):
        pass


class Writer(Quiet):
    def __init__(self, name=None, *args, **kwargs):
        super().__init__(name, *args, **kwargs)
        self.output_port = KafkaChannelOutputPort(schema=SCHEMA)
        self._sent = 0

    def _on_running(self):
        if self._sent == 0:
            print(time.time(), flush=True)
        end = min(RECORDS, self._sent + BATCH)
        self.output_port.send([{"text": TEXTS[i & 255], "n": i & 65535} for i in range(self._sent, end)])
        self._sent = end
        return end == RECORDS


class Reader(Quiet):
    def __init__(self, name=None, *args, **kwargs):
        super().__init__(name, *args, **kwargs)
        self.input_port = KafkaChannelInputPort(schema=SCHEMA)
        self._got = 0

    def _on_running(self):
        records = self.input_port.retrieve()
        self._got += len(records)
        if records and self._got == RECORDS:
            print(time.time(), flush=True)
        return None


class Bench(Pipeline):
    def __init__(self, name):
        super().__init__(name)
        self.reader = Reader()
        self.writer = Writer()
        self.reader.input_port.connect(self.writer.output_port)


def run(instance):
    pipeline = Bench(PIPELINE)
    pipeline.set_parameter(">>channelLocation", BOOTSTRAP)
    pipeline.set_parameter(">>channelConfig", {
        "acks": "all", "linger_ms": 20, "batch_size": 262144, "max_poll_records": 10000, "logLevel": "ERROR",
    })
    sys.exit(OperatorExecutor(getattr(pipeline, instance)).execute(ExecutionMode.Standard))


def run_both():
    command = [sys.executable, __file__, *sys.argv[1:4]]
    children = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in ("reader", "writer")]
    ended, started = (child.communicate(timeout=600)[0] for child in children)
    if any(child.returncode != 0 for child in children):
        sys.exit(f"exit codes {[child.returncode for child in children]}")
    print(json.dumps({"seconds": float(ended) - float(started)}))


if len(sys.argv) > 4:
    run(sys.argv[4])
else:
    run_both()
