import json, shutil, tomllib
from tests.test_cases import *
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fill(case, settings, mysql, tmp_path):
    path = Path(shutil.copy(case / "input.csv", tmp_path))
    options={}
    if (case / "options.toml").exists(): options = tomllib.loads((case / "options.toml").read_text())
    rejects = (case / "rejects.jsonl").read_text().splitlines() if (case / "rejects.jsonl").exists() else []
    own = settings.model_copy(update={"batch_rows": options.pop("batch_rows", settings.batch_rows)})
    file = only(ingest_files([path], own, table="t", overrides={"max_rejects": max(5,len(rejects)), **options}))
    exp=json.loads((case/"expected.json").read_text())
    print("CASE",case.name,file.status,file.error)
    if file.error: return
    cols={c.name:c.mysql_type for c in file.columns}
    print("   COLS", json.dumps(cols,ensure_ascii=False)[:600])
    got=table_text(mysql,"t",list(cols))
    if got!=exp["rows"]: print("   DIFF", [ (g,e) for g,e in zip(got,exp["rows"]) if g!=e][:3], len(got),len(exp["rows"]))
    r=rejects_of(file.rejects_path)
    if r!=[json.loads(l) for l in rejects]: print("   REJ", r)
    text=json.dumps({"columns":cols},ensure_ascii=False,indent=2)[:-2].rstrip()+',\n  "rows": [\n'+",\n".join("    "+json.dumps(r,ensure_ascii=False) for r in exp["rows"])+"\n  ]\n}\n"
    (case/"expected.json").write_text(text)
