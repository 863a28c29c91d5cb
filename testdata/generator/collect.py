#!/usr/bin/env python3
"""What generate.sh does around the Java programs: which snapshots there are, and who references which file.

    collect.py ROOT VERSION lists LOCAL   writes LOCAL/{oracle,state,expected}.lst for MetaOracle, StateDump, ExpectedSmall
    collect.py ROOT VERSION dumps LOCAL   sorts the dumps and compares them with what the input says
    collect.py ROOT VERSION refs          writes <case>.refs.json
"""
import collections, json, os, pathlib, sys

JSON = dict(ensure_ascii=False, separators=(",", ":"))


def cases(top):
    for path in sorted(top.glob("*.case.json")):
        yield path.name.removesuffix(".case.json"), json.loads(path.read_text(encoding="utf-8"))


def snapshots(base):
    """Every directory with a _metadata, and its name with __ for /."""
    for meta in sorted(base.rglob("_metadata")):
        yield meta.parent, "__".join(meta.parent.relative_to(base).parts)


def lines(path):
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")


def lists(top, local):
    oracle, state, expected = [], [], []
    for case, facts in cases(top):
        jobs = {job["jobId"]: job for job in facts.get("jobs", [])}
        for variant in ("", ".before", ".after1"):
            base = top / (case + variant)
            for directory, name in snapshots(base):
                out = top / f"{case}.oracle{variant}" / name
                oracle.append(f"{directory}\t{out}.oracle.json")
                if variant or "error" in facts:
                    continue
                job = jobs.get(name.split("__")[0]) or list(jobs.values())[-1]
                # The State Processor API reads no changelog, and flip27 has no reader here.
                if job["pipeline"] != "flip27" and job["config"].get("state.changelog.enabled") != "true":
                    backend = job["config"]["state.backend.type"]
                    state.append(f"{directory}\t{out}.state.jsonl\t{backend}\t{job['pipeline']}\t{job['maxParallelism']}")
                events = events_at(job, directory, base)
                # In a case with a note the source was stopped in the middle of a round.
                if job["pipeline"] == "small" and "note" not in facts and events is not None:
                    expected.append(f"{local}/expected/{case}/{name}.jsonl\t{events}\t{job['eventsPerRound']}\t{job['maxParallelism']}")
    for name, rows in (("oracle", oracle), ("state", state), ("expected", expected)):
        write(local / f"{name}.lst", rows)
    for row in expected:
        pathlib.Path(row.split("\t")[0]).parent.mkdir(parents=True, exist_ok=True)


def events_at(job, directory, base):
    for snap in job["snapshots"]:
        if "path" in snap and base / snap["path"] == directory or snap.get("returnedPath", "").endswith("/" + directory.name):
            return snap["rounds"] * job["eventsPerRound"]
    return None


def normal(line):
    """The order of a list that two subtasks fed is not the same in every run."""
    entry = json.loads(line)
    if entry["state"] == "ids":
        entry["value"] = sorted(entry["value"])
    return json.dumps(entry, **JSON)


def dumps(top, local):
    """The State Processor API of 2.x can return a key twice; for a changelog there is only the computed state."""
    result = collections.Counter()
    for dump in sorted(top.glob("*.oracle/*.state.jsonl")):
        rows, seen = [], set()
        for row in lines(dump):
            if '"kg":' in row and row in seen:
                continue
            seen.add(row)
            rows.append(row)
        write(dump, sorted(rows, key=str.encode))
    for want in sorted((local / "expected").rglob("*.jsonl")):
        case, name = want.parent.name, want.name.removesuffix(".jsonl")
        dump = top / f"{case}.oracle" / f"{name}.state.jsonl"
        rows = sorted(map(normal, lines(want)), key=str.encode)
        if case.startswith("changelog"):
            write(dump.with_name(f"{name}.expected.jsonl"), rows)
            result["computed"] += 1
        elif dump.exists():
            same = sorted(map(normal, lines(dump)), key=str.encode) == rows
            result["as computed" if same else "DIFFERENT"] += 1
            if not same:
                print("different:", dump)
    print(dict(result))
    return result["DIFFERENT"]


def refs(top):
    for case, _ in cases(top):
        base = top / case
        paths = list(base.rglob("*"))

        def rel(path):
            return os.path.relpath(path, base)

        referenced, missing, directories = (collections.defaultdict(list) for _ in range(3))
        short = []
        for oracle in sorted((top / f"{case}.oracle").glob("*.oracle.json")):
            facts = json.loads(oracle.read_text(encoding="utf-8"))
            snap = rel(pathlib.Path(facts["dir"]))
            referenced[snap + "/_metadata"].append(snap)
            for uri, size in facts["referencedPaths"].items():
                file = pathlib.Path(uri.removeprefix("file:"))
                if not file.exists():
                    missing[snap].append(rel(file))
                    continue
                referenced[rel(file)].append(snap)
                if file.stat().st_size < size:
                    short.append([snap, rel(file)])
            for operator in facts["operators"]:
                for subtask in operator["subtasks"]:
                    for handle in subtask["managedOperator"]:
                        for key in ("sharedDir", "taskOwnedDir"):
                            if handle.get(key):
                                owned = directories[rel(pathlib.Path(handle[key].removeprefix("file:")))]
                                if snap not in owned:
                                    owned.append(snap)
        foreign = [f for f, snaps in referenced.items() if any(s.split("/")[0] != f.split("/")[0] for s in snaps)]
        out = {
            "case": case,
            "flinkVersion": top.name,
            "referenced": dict(sorted(referenced.items())),
            "orphans": sorted({rel(p) for p in paths if p.is_file()} - set(referenced)),
            "missing": missing,
            "shorterThanReferenced": short,
            "directoryHandles": directories,
            "emptyDirs": sorted(rel(p) + "/" for p in paths if p.is_dir() and not any(p.iterdir())),
            "crossJobOrOutside": sorted(foreign),
        }
        (top / f"{case}.refs.json").write_text(json.dumps(out, indent=0), encoding="utf-8")


def main():
    root, version, step = sys.argv[1:4]
    top = pathlib.Path(root) / version
    if step == "refs":
        return refs(top)
    return {"lists": lists, "dumps": dumps}[step](top, pathlib.Path(sys.argv[4]))


sys.exit(1 if main() else 0)
