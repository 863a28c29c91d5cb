#!/usr/bin/env python3
"""Prints the table of README.md: how many snapshots below flink/ hold a handle, per metadata version.

The oracles name Java classes; where one class has two wire tags, the version of Flink that wrote the tree
tells which: 1.15 added the id to key groups and incremental handles, 1.16 the checkpoint to changelog handles.
"""
import collections, json, pathlib, re

ROOT = pathlib.Path(__file__).resolve().parent / "flink"

KEYED = {"KeyGroupsSavepointStateHandle": "7 key groups, canonical savepoint",
         "InMemoryChangelogStateHandle": "9 changelog, in memory"}
STREAM = {"ByteStreamStateHandle": "1 bytes", "FileStateHandle": "2 file", "RelativeFileStateHandle": "6 relative file",
          "SegmentFileStateHandle": "15 segment", "EmptySegmentFileStateHandle": "16 empty segment"}
OPERATOR = {"OperatorStreamStateHandle": "4 partitionable", "FileMergingOperatorStreamStateHandle": "17 file merging",
            "EmptyFileMergingOperatorStreamStateHandle": "17 file merging, empty"}
CHANNEL = {"InputChannelStateHandle": "input channel", "ResultSubpartitionStateHandle": "result subpartition",
           "MergedInputChannelStateHandle": "input channels, merged",
           "MergedResultSubpartitionStateHandle": "result subpartitions, merged"}
# Two tags for one class: the older one, the newer one, and the first Flink that writes the newer one.
TWO = {"KeyGroupsStateHandle": ("3 key groups", "12 key groups with id", (1, 15)),
       "IncrementalRemoteKeyedStateHandle": ("5 incremental", "11 incremental with id", (1, 15)),
       "ChangelogStateBackendHandleImpl": ("8 changelog", "14 changelog with checkpoint", (1, 16)),
       "ChangelogStateHandleStreamImpl": ("10 changelog, file", "13 changelog, file, with storage", (1, 16))}
GROUPS = {"stream": STREAM, "operator": OPERATOR, "keyed": KEYED, "channel": CHANNEL}


def label(cls, flink):
    if cls in TWO:
        old, new, since = TWO[cls]
        return "keyed: " + (new if flink >= since else old)
    for group, names in GROUPS.items():
        if cls in names:
            return f"{group}: {names[cls]}"
    return None


def classes(value):
    """The class of every object inside of value, but of those in the file only: the oracle unmerges channels itself."""
    if isinstance(value, dict):
        if "class" in value:
            yield value["class"]
        value = [v for k, v in value.items() if k != "unmerged"]
    if isinstance(value, list):
        for v in value:
            yield from classes(v)


def facts(oracle, flink):
    ops = oracle["operators"]
    for op in ops:
        for cls in classes(op["subtasks"]):
            yield label(cls, flink)
        if op["coordinatorState"]:
            yield "operator: coordinator state"
            for cls in classes(op["coordinatorState"]):
                yield label(cls, flink)
        if op["fullyFinished"]:
            yield "operator: fully finished"
        for s in op["subtasks"]:
            if s["finished"]:
                yield "operator: finished subtask"
            for k in ("rawOperator", "rawKeyed"):
                if s[k]:
                    yield "slot: " + k
            for h in s["managedOperator"]:
                for st in h.get("states") or []:
                    yield "mode: " + st["mode"]
    props = oracle.get("properties")
    if props:
        t = props["checkpointType"]
        what = [t["name"], t.get("format"), t.get("postCheckpointAction")]
        yield "type: " + ", ".join(x for x in what if x and x != "NONE")
    else:
        yield "type: not recorded"


def main():
    table = collections.defaultdict(collections.Counter)
    total = collections.Counter()
    for f in sorted(ROOT.rglob("*.oracle.json")):
        flink = tuple(int(x) for x in re.match(r"(\d+)\.(\d+)", f.relative_to(ROOT).parts[0]).groups())
        oracle = json.loads(f.read_text())
        version = oracle["metadataVersion"]
        total[version] += 1
        for fact in set(facts(oracle, flink)) - {None}:
            table[fact][version] += 1
    versions = sorted(total)
    print("| what | " + " | ".join(f"v{v}" for v in versions) + " |")
    print("|---|" + "--:|" * len(versions))
    print("| snapshots | " + " | ".join(str(total[v]) for v in versions) + " |")

    def order(fact):
        group, name = fact.split(": ", 1)
        number = re.match(r"\d+", name)
        return group, int(number.group()) if number else 99, name

    for fact in sorted(table, key=order):
        print(f"| {fact} | " + " | ".join(str(table[fact][v] or "") for v in versions) + " |")


main()
