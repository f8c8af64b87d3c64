"""
pypz with the same work as the pipeline beside it: a writer and a reader on Kafka, each in a process of its own, tuned by larger
batches and polls than it has by itself.

    pypz-pipeline.py BOOTSTRAP PIPELINE RECORDS             runs both, prints {"seconds": ...} from the start of the first to the end of the last
    pypz-pipeline.py BOOTSTRAP PIPELINE RECORDS INSTANCE    runs one of them, prints when it began and ended; Python has started by then
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
        end = min(RECORDS, self._sent + BATCH)
        self.output_port.send([{"text": TEXTS[i & 255], "n": i & 65535} for i in range(self._sent, end)])
        self._sent = end
        return end == RECORDS


class Reader(Quiet):
    def __init__(self, name=None, *args, **kwargs):
        super().__init__(name, *args, **kwargs)
        self.input_port = KafkaChannelInputPort(schema=SCHEMA)
        self.got = 0

    def _on_running(self):
        self.got += len(self.input_port.retrieve())
        return None


class Bench(Pipeline):
    def __init__(self, name):
        super().__init__(name)
        self.reader = Reader()
        self.writer = Writer()
        self.reader.input_port.connect(self.writer.output_port)


def run(instance):
    began = time.time()
    pipeline = Bench(PIPELINE)
    pipeline.set_parameter(">>channelLocation", BOOTSTRAP)
    pipeline.set_parameter(">>channelConfig", {
        "acks": "all", "linger_ms": 20, "batch_size": 262144, "max_poll_records": 10000, "logLevel": "ERROR",
    })
    code = OperatorExecutor(getattr(pipeline, instance)).execute(ExecutionMode.Standard)
    if instance == "reader" and pipeline.reader.got != RECORDS:
        sys.exit(f"the reader got {pipeline.reader.got} of {RECORDS} records")
    print(json.dumps([began, time.time()]))
    sys.exit(code)


def run_both():
    command = [sys.executable, __file__, *sys.argv[1:4]]
    children = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in ("reader", "writer")]
    outputs = [child.communicate(timeout=600)[0] for child in children]
    if any(child.returncode != 0 for child in children):
        sys.exit(f"exit codes {[child.returncode for child in children]}")
    begins, ends = zip(*map(json.loads, outputs))
    print(json.dumps({"seconds": max(ends) - min(begins)}))


if len(sys.argv) > 4:
    run(sys.argv[4])
else:
    run_both()
