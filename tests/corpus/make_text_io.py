#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a PostgreSQL 15 what it makes of many texts, and keeps its answers as test corpora.

    make_text_io.py [--seed N] [--random N] [--out DIR]   # connects as psql does (PGHOST, PGPORT)

reads the chosen texts of text_io/asked/, adds random ones, and writes text_io/<type>.tsv, one
`zone, text, answer` a line, and numeric/arithmetic.tsv, one `operator, left, right, answer`. An
answer is the value's text, or `!SQLSTATE message`. Cells are escaped as COPY does. What Braid does
otherwise on purpose (numerics beyond 38 digits, words that need a clock, and the rest of the list
in src/columnar/README.md) is left out.
"""

import argparse
import random
import re
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
ZONES = ["UTC", "America/New_York", "Asia/Kolkata", "Europe/Berlin", "UTC+8", "<+03>-03"]
ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
PROBES = """
CREATE FUNCTION pg_temp.probe(type text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    EXECUTE format('SELECT format(''%%s'', $1::%s)', type) INTO answer USING value;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    RETURN '!' || SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION pg_temp.calculate(operator text, a text, b text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    EXECUTE CASE operator
        WHEN 'round' THEN 'SELECT round($1::numeric, $2::int)::text'
        WHEN 'trunc' THEN 'SELECT trunc($1::numeric, $2::int)::text'
        WHEN 'compare' THEN 'SELECT sign(numeric_cmp($1::numeric, $2::numeric))::text'
        WHEN 'int8' THEN 'SELECT ($1::numeric)::int8::text'
        WHEN 'float8' THEN 'SELECT ($1::numeric)::float8::text'
        WHEN 'from_float8' THEN 'SELECT ($1::float8)::numeric::text'
        WHEN 'binary' THEN 'SELECT encode(numeric_send($1::numeric), ''hex'')'
        ELSE format('SELECT ($1::numeric %s $2::numeric)::text', operator)
    END INTO answer USING a, b;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    RETURN '!' || SQLSTATE || ' ' || SQLERRM;
END $$;
"""
NUMBERS = """0 0.00 1 -1 2 3 7 9 10 -10 0.1 0.5 1.5 2.5 -2.5 0.0001 9999 10000 10001 99999999
    100000000 123.456 -123.456 12345678901234567890 0.00000001 1e-20 1e20
    99999999999999999999.9999 NaN
    Infinity -Infinity""".split()
DIGITS_MAX = 38
# Zones with daylight rules of their own ("PST8PDT" is a file, "A8B" is not); units in dates.
ODD_TIME = re.compile(r"[a-z][/\w]*\d+[a-z_/]|\b[dhmsy]\b|\b(mm|dow|doy|isodow|isoyear)\b")
CLOCK = re.compile(r"\b(now|today|tomorrow|yesterday)\b")


def random_numeric(rng):
    digits = rng.choice([1, 2, 3, 4, 5, 8, 9, 12, 16, 17, 20, 25, 30, 38])
    text = str(rng.randrange(10 ** (digits - 1), 10**digits))
    if rng.random() < 0.2:
        text = text.rstrip("0123456789"[rng.randrange(10)]) or "0"
    scale = rng.choice([0, 0, 1, 2, 3, 4, 6, 8, 10, 18, 30])
    if scale:
        text = text.rjust(scale + 1, "0")
        text = text[:-scale] + "." + text[-scale:]
    return rng.choice(["", "", "-"]) + text


def random_integer(rng):
    return str(rng.randrange(-(2 ** rng.randrange(1, 70)), 2 ** rng.randrange(1, 70)))


def random_float(rng):
    kind = rng.randrange(4)
    if kind == 0:
        return repr(rng.uniform(-1, 1) * 10 ** rng.randrange(-320, 308))
    if kind == 1:
        return repr(rng.randrange(-(10**17), 10**17) / 10 ** rng.randrange(0, 20))
    if kind == 2:
        return f"{rng.randrange(10 ** rng.randrange(1, 25))}e{rng.randrange(-340, 330)}"
    return str(rng.randrange(2 ** rng.randrange(1, 80)))


def random_time(rng):
    years = [rng.randrange(1, 10000), rng.randrange(1880, 2100), rng.randrange(1960, 2040)]
    year, month, day = rng.choice(years), rng.randrange(1, 13), rng.randrange(1, 32)
    name = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[month - 1]
    iso = f"{year:04}-{month:02}-{day:02}"
    date = rng.choice([iso, iso, f"{year:04}{month:02}{day:02}", f"{name} {day} {year}",
                       f"{day} {name} {year}", f"{month}/{day}/{year}", f"{day}-{name}-{year}",
                       f"{year}-{name}-{day}"])
    hour, minute, second = rng.randrange(25), rng.randrange(60), rng.randrange(61)
    fraction = rng.choice(["", "", f".{rng.randrange(10 ** 6):06}", f".{rng.randrange(1000)}",
                           f".{rng.randrange(10 ** 9)}"])
    clock = f"{hour:02}:{minute:02}:{second:02}{fraction}"
    time = rng.choice(["", f" {clock}", f"T{clock}", f" {hour}:{minute:02}", f" {clock}",
                       f" {hour:02}{minute:02}{second:02}{fraction}"])
    zone = rng.choice(["", "", "", "Z", "+00", "+08", "-0730", "+05:45", " UTC", " EST", " CEST",
                       " MSK", " Europe/Berlin", " America/Sao_Paulo", " Australia/Lord_Howe",
                       " Asia/Tehran", "-08:00:30"])
    return date + time + (zone if time else "") + rng.choice(["", "", "", "", " BC", " PM"])


def random_interval(rng):
    units = "us ms sec min hour day week mon year decade century".split()
    parts = []
    for _ in range(rng.randrange(1, 5)):
        amount = rng.choice([str(rng.randrange(-100, 100)), str(rng.randrange(10**6)),
                             f"{rng.uniform(-100, 100):.{rng.randrange(1, 9)}f}"])
        parts.append(f"{amount} {rng.choice(units)}")
    if rng.random() < 0.4:
        clock = f"{rng.randrange(100)}:{rng.randrange(60):02}:{rng.randrange(60):02}"
        fraction = rng.choice(["", f".{rng.randrange(10 ** 6)}"])
        parts.append(rng.choice(["", "-", "+"]) + clock + fraction)
    if rng.random() < 0.15:
        parts.append("ago")
    return " ".join(parts)


def mutated(rng, text):
    """The text with a character changed, lost or doubled: most of these are errors."""
    at = rng.randrange(len(text) + 1)
    put = rng.choice(list("0123456789-:./ +TZz eP") + [""])
    return text[:at] + put + text[at + rng.randrange(2) :]


def escape(cell):
    for char, code in ESCAPES:
        cell = cell.replace(char, code)
    return cell


def unescape(cell):
    codes = {code[1]: char for char, code in ESCAPES}
    return re.sub(r"\\(.)", lambda found: codes[found[1]], cell)


def chosen(name):
    text = (HERE / "text_io" / "asked" / f"{name}.txt").read_text(encoding="utf-8")
    return [unescape(line) for line in text.split("\n")[:-1]]


def with_random(rng, texts, generate, count):
    made = [generate(rng) for _ in range(count)]
    made += [mutated(rng, rng.choice(texts + made)) for _ in range(count // 2)]
    return list(dict.fromkeys(texts + made))


def psql(script):
    command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "postgres"]
    done = subprocess.run(command, input=script, text=True, check=True, stdout=subprocess.PIPE)
    return done.stdout.split("\n")[:-1]


def copy_rows(rows):
    return "".join("\t".join(map(escape, row)) + "\n" for row in rows) + "\\.\n"


def ask_texts(type_name, zones, texts):
    """Lines of `zone, text, answer` in the order asked."""
    script = PROBES + "CREATE TEMP TABLE asked (id serial, t text);\nCOPY asked (t) FROM STDIN;\n"
    script += copy_rows([text] for text in texts)
    for zone in zones:
        query = f"SELECT '{zone}', t, pg_temp.probe('{type_name}', t) FROM asked ORDER BY id"
        script += f"SET TimeZone = '{zone}';\nCOPY ({query}) TO STDOUT;\n"
    return [line for line in psql(script) if is_alike(type_name, *line.split("\t")[1:])]


def is_alike(type_name, text, answer):
    """False where Braid answers otherwise on purpose."""
    if type_name.startswith("numeric"):
        return not has_many_digits(answer) and not (answer[0] == "!" and has_many_digits(text))
    if type_name in ("date", "timestamp", "timestamptz"):
        text = text.lower()
        known = re.sub(r"[a-z]{3}\d[a-z]{3}|t[\d.]+z?", "", text)
        if ODD_TIME.search(known):
            return answer.startswith(("!22007", "!22023"))
        return not CLOCK.search(text)
    return "unexpected dtype" not in answer


def has_many_digits(text):
    return len(re.sub(r"[^0-9]", "", text).lstrip("0")) > DIGITS_MAX


def ask_calculations(rows):
    script = PROBES + "CREATE TEMP TABLE asked (id serial, o text, a text, b text);\n"
    script += "COPY asked (o, a, b) FROM STDIN;\n" + copy_rows(rows)
    query = "SELECT o, a, b, pg_temp.calculate(o, a, b) FROM asked ORDER BY id"
    lines = psql(script + f"COPY ({query}) TO STDOUT;\n")
    return [line for line in lines if is_within_digits(*line.split("\t"))]


def is_within_digits(operator, _left, _right, answer):
    return operator in ("binary", "float8") or not has_many_digits(answer)


def calculations(rng, count):
    rows = []
    for operator in ["+", "-", "*", "/", "%", "compare"]:
        rows += [(operator, rng.choice(NUMBERS), rng.choice(NUMBERS)) for _ in range(count // 20)]
        rows += [(operator, random_numeric(rng), random_numeric(rng)) for _ in range(count // 10)]
    for operator in ["round", "trunc"]:
        rows += [(operator, random_numeric(rng), str(rng.randrange(-12, 20)))
                 for _ in range(count // 20)]
    for operator in ["int8", "float8", "binary"]:
        rows += [(operator, number, "0") for number in NUMBERS]
        rows += [(operator, random_numeric(rng), "0") for _ in range(count // 20)]
    rows += [("from_float8", random_float(rng), "0") for _ in range(count // 10)]
    return list(dict.fromkeys(rows))


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--random", type=int, default=100)
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    count = options.random
    times = with_random(rng, chosen("times"), random_time, count)
    plans = {
        "bool": chosen("bool"),
        "text": chosen("text"),
        "int2": chosen("int"),
        "oid": chosen("int")[:32],
        "int4": with_random(rng, chosen("int"), random_integer, count // 2),
        "int8": with_random(rng, chosen("int"), random_integer, count // 2),
        "float8": with_random(rng, chosen("float"), random_float, count),
        "numeric": with_random(rng, chosen("numeric"), random_numeric, count),
        "numeric(10,2)": with_random(rng, chosen("numeric_10_2"), random_numeric, count // 2),
        "date": with_random(rng, chosen("dates") + times[:40], random_time, count),
        "timestamp": chosen("dates") + times,
        "interval": with_random(rng, chosen("intervals"), random_interval, count),
    }
    folder = options.out / "text_io"
    for type_name, texts in plans.items():
        name = re.sub(r"[(),]+", "_", type_name).rstrip("_")
        write(folder / f"{name}.tsv", ask_texts(type_name, ["UTC"], texts))
    lines = ask_texts("timestamptz", ["UTC"], times)
    lines += ask_texts("timestamptz", ZONES[1:], rng.sample(times, min(len(times), 120)))
    write(folder / "timestamptz.tsv", lines)
    lines = ask_calculations(calculations(rng, count * 8))
    write(options.out / "numeric" / "arithmetic.tsv", lines)


main()
