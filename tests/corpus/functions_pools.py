# SPDX-License-Identifier: Apache-2.0
"""Arguments for make_functions.py: values of each type; whole lists where types say too little."""

import itertools

ZONES = ["UTC", "America/New_York", "Asia/Kolkata"]

LOGARITHMS = ["1", "2", "10", "1.0", "0.99999999999999999", "1.00001", "1e30", "0.001", "1e-35"]
LOGARITHMS += ["123456789012345678901234567890.123", "2.718281828459045", "100.0000", "0", "-1"]
LOGARITHMS += ["1.1", "0.9", "9999.9999", "10000", "NaN", "Infinity", "-Infinity"]

POOLS = {
    "bool": ["t", "f"],
    "int2": ["0", "-7", "32767", "-32768"],
    "int4": ["0", "1", "-1", "7", "42", "-17", "2147483647", "-2147483648"],
    "int8": [
        "0",
        "1",
        "-1",
        "5",
        "-12",
        "4294967296",
        "9223372036854775807",
        "-9223372036854775808",
    ],
    "oid": ["0", "1", "16384", "4294967295"],
    "numeric": [
        "0",
        "1",
        "-1.5",
        "2.50",
        "0.001",
        "NaN",
        "Infinity",
        "-Infinity",
        "7.0000000001",
        "-12345678901234567890.123456789",
        "99999999999999999999",
        "3",
    ],
    "float8": [
        "0",
        "-0",
        "1",
        "-1.5",
        "0.1",
        "2.5",
        "3.5",
        "1e308",
        "-1e308",
        "1e-320",
        "NaN",
        "Infinity",
        "-Infinity",
    ],
    "text": ["", "a", "abc", "Hello World", "ÄÖ日本", "  pad ", "O'Reilly\\x", "x,y,z"],
    "date": [
        "2000-01-01",
        "1999-12-31",
        "2024-02-29",
        "0044-03-15 BC",
        "infinity",
        "-infinity",
        "5874897-12-31",
        "2015-05-17",
        "4714-11-24 BC",
    ],
    "timestamp": [
        "2000-01-01 00:00:00",
        "2024-02-29 23:59:59.999999",
        "1999-12-31 12:34:56.789012",
        "infinity",
        "-infinity",
        "294276-12-31 23:59:59.999999",
        "4714-11-24 00:00:00 BC",
        "2024-03-10 02:30:00",
        "2024-11-03 01:30:00",
        "0001-01-01 01:02:03 BC",
        "1969-07-20 20:17:40",
    ],
    "timestamptz": [
        "2000-01-01 00:00:00+00",
        "2024-02-29 23:59:59.999999+00",
        "1999-12-31 12:34:56.789012+00",
        "infinity",
        "-infinity",
        "294276-12-31 12:00:00+00",
        "4714-11-25 00:00:00+00 BC",
        "2024-03-10 07:30:00+00",
        "2024-11-03 05:30:00+00",
        "2024-11-03 06:30:00+00",
        "1890-06-01 00:00:00+00",
    ],
    "interval": [
        "0",
        "1 mon",
        "1 day",
        "01:00:00",
        "-1 mons +2 days",
        "1 year 2 mons 3 days 04:05:06.789",
        "30 days",
        "24:00:00",
        "-00:00:00.000001",
        "100 years",
        "-3 days -04:00:00",
    ],
}

ANY_TEXT = [
    "text:a",
    "int4:5",
    "bool:t",
    "numeric:1.50",
    "date:2024-02-29",
    "text:it's \\",
    "float8:0.1",
]

UNITS = [
    "microseconds",
    "milliseconds",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "decade",
    "century",
    "millennium",
    "julian",
    "isoyear",
    "isodow",
    "dow",
    "doy",
    "epoch",
    "timezone",
    "timezone_hour",
    "timezone_minute",
    "HOURS",
    "us",
    "bogus",
    "",
]

TIME_PICTURES = [
    "YYYY-MM-DD HH24:MI:SS.US",
    "Day, DD Month YYYY",
    "FMDay, FMDD FMMonth YYYY",
    "DY dy Dy MON mon Mon",
    "DAY day MONTH month",
    "HH HH12 HH24 MI SS MS US",
    "FF1 FF2 FF3 FF4 FF5 FF6",
    "AM PM am pm A.M. p.m.",
    "AD BC ad B.C.",
    "Y,YYY YYYY YYY YY Y",
    "IYYY IYY IY I IW ID IDDD",
    "CC Q W WW D DDD J",
    "TMDay TMMonth TMDAY TMmonth|",
    "FMTMDay tmDy TMMON TMRM TMDD TMHH12|",
    "RM rm FMRM",
    "DDth DDTH FMDDth HH24th",
    "SSSS SSSSS",
    '"quoted YYYY" YYYY \\"x\\"',
    "FMHH:FMMI",
    "FXYYYY TMMonth",
    "yyyy-mm-dd hh24:mi:ss.ms",
    "YYYYth Qth WWth",
    "日本 YYYY年MM月",
    "plain text",
    "\\YYYY",
    "HH24MISS",
    "FMYYYY FMMM FMDDD FMWW FMCC",
    '"unclosed YYYY',
    "IDDDth Jth DSP",
    "",
]
ZONE_PICTURES = ["TZ tz", "TZH:TZM", "OF of", "FMOF", "YYYY-MM-DD HH24:MI:SS TZ"]

NUMBER_PICTURES = [
    "999",
    "9999.99",
    "FM9999.99",
    "0000",
    "FM0000.00",
    "9,999,999",
    "FM9,999,999.00",
    "9G999D99",
    "S999",
    "999S",
    "SG999",
    "MI999",
    "999MI",
    "PL999",
    "999PL",
    "999PR",
    "FM999PR",
    "9.9EEEE",
    "9.99eeee",
    "RN",
    "FMRN",
    "rn",
    "999th",
    "999TH",
    "99V9",
    "999V999",
    "L999",
    "B999",
    "FM9.9",
    "9.9",
    "0.0",
    "FM0.9",
    "FM999.009",
    '"Total: "999',
    "9 9 9",
    "$999.99",
    "",
    "FMS9,999",
    "S9,999.99",
    "9,999.99S",
    "9999.",
    ".99",
    "FM.99",
    "0999.990",
    "FM0999.990",
    "00,009.99",
    "999D99S",
    "FM999D99MI",
    "PR999",
    "9S9S",
    "9.9.9",
    "9V9.9",
    "EEEE9",
    "FM9EEEE",
    "99999999999999999999.99",
    '999 "x" th',
    "SP999",
    "FM9990.0999",
    "099,999",
    "FM099,999",
    "9PL",
    "9SG9",
    "99,99MI",
]


def product(*pools):
    return list(itertools.product(*pools))


def zipped(first, rest):
    """Each of `first` with a walk through `rest`, so that all of both occur without all pairs."""
    count = max(len(first), len(rest))
    return [(first[i % len(first)], rest[i % len(rest)]) for i in range(count)]


TEXTS = [
    "",
    "abc",
    "aébc日本語",
    "x,y,,z",
    "http://a/b?c=d",
    "Hello World, hello!",
    "a\nb",
    "100%_\\ok",
]

LIKE_CASES = product(
    ["", "abc", "aXc", "日本語", "100%", "a\\b", "ab\nc", "ABC"],
    [
        "",
        "%",
        "_",
        "abc",
        "a%",
        "%c",
        "%b%",
        "a_c",
        "__",
        "___",
        "%\\%",
        "a\\\\b",
        "a%b%c",
        "%a%c%",
        "ABC",
        "ab%\\",
        "abc\\",
        "a\\bc",
        "%本%",
        "_本_",
    ],
)[::2]

REGEXES = [
    "",
    "b",
    "^a",
    "c$",
    "^abc$",
    "a.c",
    "[a-c]+",
    "[^a]",
    "a|x",
    "(a)(b)?",
    "(?:ab)c",
    "a{2}",
    "a{1,2}b",
    "a{2,}",
    "\\d+",
    "\\w+",
    "\\s",
    "\\D",
    "[[:alpha:]]+",
    "[[:digit:][:space:]]",
    "\\ma",
    "c\\M",
    "\\yabc\\y",
    "\\Aab",
    "bc\\Z",
    "b+?",
    "(?i)ABC",
    "***=a.c",
    "***:abc",
    "\\x61",
    "\\u0061",
    "\\n",
    "[\\d]+",
    "a**",
    "*a",
    "(",
    ")",
    "[a",
    "[z-a]",
    "a{3,2}",
    "a{256}",
    "[[:foo:]]",
    "\\q",
    "日",
    "(日|月)",
    "[é-ü]",
    "\\.",
    "a\\",
    "[]a]",
    "[^]a]",
    "[a-]",
    "a{",
    "a{x}",
    "x*",
    "(x*)",
    "()",
    "a||b",
    "^*",
    "\\B",
    "[[.a.]]",
    "[[=a=]]",
    "(?n)a.b",
    "(?x) a b c # end",
]
REGEX_CASES = zipped(REGEXES * 3, TEXTS[1:] + ["aab", "AbC", "abc abc", "foo123bar", "a.c"])
REGEX_CASES = [(text, pattern) for pattern, text in REGEX_CASES] + [
    ("a\nb", "(?n)a.b"),
    ("a\nb", "a.b"),
    ("aaa", "a**"),
    ("abab", "(ab)\\1"),
    ("abc", "a(?=b)"),
    ("abc", "(?<!a)c"),
    ("a b", "\\m b"),
    ("aab", "a+?b*"),
    ("xay", "\\ma\\M"),
    ("foo bar", "\\mbar\\M"),
    ("aaab", "a{1,2}?"),
    ("abcabd", "ab(c|d)"),
    ("192.168.0.1", "^\\d{1,3}(\\.\\d{1,3}){3}$"),
    ("GET /a/b HTTP/1.1", "^(\\w+) (\\S+)"),
    ("key=value; k2=v2", "k2=([^;]*)"),
    ("aXbXc", "X.*X"),
    ("ÀÉ", "(?i)àé"),
    ("straße", "ß"),
]

REPLACEMENTS = [
    ("foobarbaz", "b..", "X"),
    ("foobarbaz", "b(..)", "X\\1Y"),
    ("abc", "b", "[\\&]"),
    ("abc", "", "-"),
    ("aaa", "a*", "x"),
    ("日本語", "本", "ほん"),
    ("abc", "(a)(b)(c)", "\\3\\2\\1"),
    ("abc", "b", "\\\\"),
    ("abc", "b", "\\"),
    ("abc", "b", "\\q"),
    ("abc", "x", "y"),
    ("a1b22", "[0-9]+", "#"),
    ("abc", "(x)?b", "<\\1>"),
    ("Hello", "L", "x"),
    ("line1\nline2", "^l", "L"),
    ("ab  cd", "\\s+", " "),
    ("aXbX", "X$", "!"),
    ("abcabc", "(b)|(c)", "<\\1\\2>"),
    ("x", "[", "y"),
    ("xaay", "a+?", "-"),
]

FORMATS = [
    ("%s %s", "text:a", "int4:5"),
    ("%I", "text:Foo"),
    ("%I", "text:select"),
    ("%I", "text:ok_1"),
    ("%L", "text:it's"),
    ("%L", "text:a\\b"),
    ("%L", "text:\\N"),
    ("%s", "text:\\N"),
    ("%I", "text:\\N"),
    ("%%", "text:a"),
    ("%2$s %1$s", "text:a", "text:b"),
    ("%-10s|", "text:a"),
    ("%10s|", "text:日"),
    ("%*s|", "int4:5", "text:a"),
    ("%-*s|", "int4:5", "text:a"),
    ("%*s|", "int4:-5", "text:a"),
    ("%1$*2$s|", "text:a", "int4:4"),
    ("%s", "bool:t"),
    ("%q", "text:a"),
    ("%", "text:a"),
    ("%s %s", "text:a"),
    ("%0$s", "text:a"),
    ("%3$s", "text:a"),
    ("no args", "text:a"),
    ("%1$", "text:a"),
    ("%s%s%1$s", "text:a", "text:b"),
]

FINITE_TIMES = [value for value in POOLS["timestamp"] if "infinity" not in value]
FINITE_INSTANTS = [value for value in POOLS["timestamptz"] if "infinity" not in value]

BY_KEY = {
    "left(text,int4)": product(
        TEXTS[1:4], ["0", "1", "2", "-1", "-2", "100", "-100", "-2147483648"]
    ),
    "right(text,int4)": product(
        TEXTS[1:4], ["0", "1", "2", "-1", "-2", "100", "-100", "2147483647"]
    ),
    "substring(text,int4)": product(TEXTS[1:3], ["0", "1", "2", "-5", "100", "2147483647"]),
    "substr(text,int4)": product(TEXTS[1:3], ["0", "1", "2", "-5", "100"]),
    "split_part(text,text,int4)": product(
        ["", "a,b,c", "a::b::c", "日,本,", "abc"],
        [",", "::", "", "b"],
        ["1", "2", "3", "0", "-1", "-2", "-9", "99"],
    )[::2],
    "strpos(text,text)": product(TEXTS, ["", "b", "日本", "hello", "\\"]),
    "position(text,text)": product(TEXTS, ["", "b", "日本", "hello", "\\"]),
    "replace(text,text,text)": product(
        ["", "abcabc", "日本日", "aaa"], ["", "a", "bc", "日", "aa"], ["", "X", "本本"]
    ),
    "translate(text,text,text)": product(
        ["", "abcabc", "日本日"], ["", "abc", "日", "aa"], ["", "X", "xyz本"]
    ),
    "overlay(text,text,int4)": product(
        ["abcdef", "日本語"], ["", "XY"], ["1", "2", "7", "0", "-1"]
    ),
    "overlay(text,text,int4,int4)": product(
        ["abcdef", "日本語"], ["XY"], ["1", "3", "0"], ["0", "2", "-1", "2147483647"]
    ),
    "lpad(text,int4)": product(["abc", "日本", ""], ["0", "2", "5", "-3"]),
    "rpad(text,int4)": product(["abc", "日本", ""], ["0", "2", "5", "-3"]),
    "lpad(text,int4,text)": product(["abc", "日本", ""], ["2", "7", "-3"], ["", "x", "xy", "本"]),
    "rpad(text,int4,text)": product(["abc", "日本", ""], ["2", "7", "-3"], ["", "x", "xy", "本"]),
    "repeat(text,int4)": product(["", "ab", "日"], ["0", "1", "3", "-1"]),
    "chr(int4)": [
        (v,)
        for v in [
            "65",
            "233",
            "26085",
            "128512",
            "0",
            "-1",
            "1114111",
            "1114112",
            "55296",
            "2147483647",
        ]
    ],
    "ascii(text)": [(v,) for v in ["", "A", "é", "日本", "😀"]],
    "btrim(text,text)": product(["", "xxabcxx", "日本日", "  a "], ["", "x", "日", " ax", "xyz"]),
    "ltrim(text,text)": product(["", "xxabcxx", "日本日", "  a "], ["", "x", "日", " ax"]),
    "rtrim(text,text)": product(["", "xxabcxx", "日本日", "  a "], ["", "x", "日", " ax"]),
    "starts_with(text,text)": product(TEXTS, ["", "a", "abc", "日"]),
    "initcap(text)": [(v,) for v in ["hello wORLD", "o'reilly x2y", "éa ab", "", "a_b c-d 1st"]],
    "quote_ident(text)": [
        (v,)
        for v in [
            "abc",
            "Abc",
            "a b",
            "select",
            "table",
            "name",
            "_x1",
            "1x",
            'a"b',
            "",
            "日",
            "a$b",
            "between",
        ]
    ],
    "quote_literal(text)": [(v,) for v in ["abc", "it's", "a\\b", "", "日", "'\\"]],
    "quote_literal(any)": [(v,) for v in ["int4:5", "numeric:1.50"]],
    "quote_nullable(any)": [(v,) for v in ["int4:5", "date:2024-02-29"]],
    "format(text)": [(v,) for v in ["abc", "%%", "%s", "%", ""]],
    "format(text,any...)": FORMATS,
    "concat(any...)": [
        ("text:a", "int4:1", "bool:t"),
        ("text:\\N", "text:b"),
        ("text:\\N",),
        ("timestamp:2024-02-29 01:02:03", "interval:1 day"),
    ],
    "concat_ws(text,any...)": [
        (",", "text:a", "text:\\N", "int4:3"),
        ("", "text:a", "text:b"),
        (",", "text:\\N"),
        (", ", "text:", "text:"),
    ],
    "~~(text,text)": LIKE_CASES,
    "!~~(text,text)": LIKE_CASES[::3],
    "~~*(text,text)": LIKE_CASES,
    "!~~*(text,text)": LIKE_CASES[::3],
    "like_escape(text,text)": product(
        ["a!%b", "a\\%b", "!!", "日%", "a!"], ["!", "", "\\", "日", "ab"]
    ),
    "similar_to_escape(text)": [
        (v,) for v in ["a%b", "a_b", "(a|b)*", "a\\%", "[a-z_]%", "a.b^c$", "日%"]
    ],
    "similar_to_escape(text,text)": product(["a%b", "a!%b", "a\\b", "[!a]"], ["!", "", "ab"]),
    "~(text,text)": REGEX_CASES,
    "!~(text,text)": REGEX_CASES[::4],
    "~*(text,text)": REGEX_CASES,
    "!~*(text,text)": REGEX_CASES[::5],
    "regexp_like(text,text)": REGEX_CASES[::4],
    "regexp_like(text,text,text)": product(
        ["AbC", "a\nb"], ["abc", "a.b", "^b"], ["i", "n", "c", "x", "g", "z", "", "in"]
    ),
    "regexp_count(text,text)": REGEX_CASES[::2],
    "regexp_substr(text,text)": REGEX_CASES[::2],
    "substring(text,text)": REGEX_CASES,
    "substring(text,text,text)": product(
        ["foobar", "", "abab", "éàü日本", "a\nb"],
        ["%", '%#"o_b#"%', '#"%#"', '_#"%#"_', '%#"ab#"%', '#"(a|ab)%#"b', '%#"b', "#%", '#"a#"b#"'],
        ["#"],
    )
    + product(["abc", 'a"c'], ["abc", 'a!"b!"c', 'a["]c', "a\\bc"], ["!", "", "ab", '"']),
    "regexp_replace(text,text,text)": REPLACEMENTS,
    "regexp_replace(text,text,text,text)": [
        case + (flags,) for case in REPLACEMENTS for flags in ("g", "gi", "n", "1", "", "k")
    ][::2],
    "extract(text,date)": product(
        UNITS, ["2024-02-29", "0044-03-15 BC", "infinity", "2005-01-01"]
    )[::2],
    "extract(text,timestamp)": product(UNITS, POOLS["timestamp"])[::3],
    "extract(text,timestamptz)": product(UNITS, POOLS["timestamptz"])[::5],
    "extract(text,interval)": product(UNITS, POOLS["interval"])[::3],
    "date_part(text,date)": product(
        UNITS, ["2024-02-29", "0044-03-15 BC", "-infinity", "2005-01-01"]
    )[::3],
    "date_part(text,timestamp)": product(UNITS, POOLS["timestamp"])[::3],
    "date_part(text,timestamptz)": product(UNITS, POOLS["timestamptz"])[1::5],
    "date_part(text,interval)": product(UNITS, POOLS["interval"])[::3],
    "date_trunc(text,timestamp)": product(UNITS, POOLS["timestamp"])[::2],
    "date_trunc(text,timestamptz)": product(UNITS, POOLS["timestamptz"])[::4],
    "date_trunc(text,timestamptz,text)": product(
        ["hour", "day", "month", "week", "minute", "bogus"],
        POOLS["timestamptz"][:6] + POOLS["timestamptz"][7:],
        ["Europe/Berlin", "Asia/Kathmandu", "+05:30", "nowhere"],
    )[::5],
    "date_trunc(text,interval)": product(UNITS, POOLS["interval"])[::3],
    "date_bin(interval,timestamp,timestamp)": product(
        [
            "15 minutes",
            "1 hour",
            "1 day 02:00:00",
            "00:00:00.000007",
            "1 mon",
            "0",
            "-1 day",
            "1000000 days",
        ],
        POOLS["timestamp"],
        [
            "2000-01-01 00:00:00",
            "2024-05-05 12:34:56.000001",
            "infinity",
            "4714-11-24 00:00:00 BC",
        ],
    )[::5],
    "date_bin(interval,timestamptz,timestamptz)": product(
        ["15 minutes", "1 hour", "1 day 02:00:00"],
        POOLS["timestamptz"],
        ["2000-01-01 00:00:00+00", "2024-05-05 12:34:56.000001+00"],
    )[::4],
    "timezone(text,timestamp)": product(
        ["UTC", "America/New_York", "Asia/Kathmandu", "+02", "EST", "UTC+3", "nowhere", "cet"],
        POOLS["timestamp"],
    )[::2],
    "timezone(text,timestamptz)": product(
        ["UTC", "America/New_York", "Asia/Kathmandu", "-02:30", "EST", "utc+3", "nowhere"],
        POOLS["timestamptz"],
    )[::4],
    "timezone(interval,timestamp)": product(
        ["02:00:00", "-05:30:00", "1 day", "1 mon"], POOLS["timestamp"]
    )[::2],
    "timezone(interval,timestamptz)": product(
        ["02:00:00", "-05:30:00", "1 day"], POOLS["timestamptz"]
    )[::4],
    "to_char(timestamp,text)": product(POOLS["timestamp"], TIME_PICTURES)[::2],
    "to_char(timestamptz,text)": product(POOLS["timestamptz"], ZONE_PICTURES),
    "to_char(interval,text)": product(POOLS["interval"], TIME_PICTURES + ZONE_PICTURES)[::3]
    + product(
        ["-04:00:00", "-14:05:00", "-12:00:00", "-1 day", "12:00:00", "-100:00:00"],
        ["HH HH12 HH24 MI", "FMHH12 FMHH24", "HH12th"],
    ),
    "to_char(int4,text)": product(
        ["0", "1", "-7", "42", "485", "-485", "123456", "3999"], NUMBER_PICTURES
    )
    + product(
        ["214748364", "-214748364", "2147483647", "123456789"],
        ["V99", "9999999999V9", "999999999V99", "9V999999999", "9V9999999999"],
    ),
    "to_char(int8,text)": product(
        ["0", "-12", "485", "12345678901", "-9223372036854775808"], NUMBER_PICTURES
    )[::2],
    "to_char(numeric,text)": product(
        [
            "0",
            "0.1",
            "-0.5",
            "485.8",
            "-485.85",
            "148.5",
            "12.454",
            "1234567.891",
            "NaN",
            "Infinity",
            "0.00005",
        ],
        NUMBER_PICTURES,
    )[::2],
    "to_char(float8,text)": product(
        [
            "0",
            "0.1",
            "-0.5",
            "485.8",
            "-485.85",
            "12345678901234567890",
            "1e-7",
            "NaN",
            "-Infinity",
            "2.5",
        ],
        NUMBER_PICTURES,
    )[::2],
    "to_timestamp(float8)": [
        (v,)
        for v in [
            "0",
            "1",
            "-1",
            "1284352323.5",
            "1e9",
            "NaN",
            "Infinity",
            "-Infinity",
            "1e15",
            "-3e11",
            "0.1",
            "9224318016000",
        ]
    ],
    "age(timestamp,timestamp)": product(FINITE_TIMES, FINITE_TIMES)[::2]
    + product(["infinity", "-infinity", FINITE_TIMES[0]], ["infinity", "-infinity"]),
    "age(timestamptz,timestamptz)": product(FINITE_INSTANTS, FINITE_INSTANTS)[::2]
    + product(["infinity", "-infinity", FINITE_INSTANTS[0]], ["infinity", "-infinity"]),
    "make_date(int4,int4,int4)": product(
        ["2024", "-44", "0", "5874897", "2023"], ["2", "12", "0", "13"], ["1", "29", "30", "0"]
    ),
    "round(numeric,int4)": product(
        ["2.5", "-2.5", "1234.5678", "0.005", "NaN", "Infinity", "99.99"],
        ["0", "2", "-2", "5", "-5", "3"],
    ),
    "trunc(numeric,int4)": product(
        ["2.5", "-2.5", "1234.5678", "0.005", "NaN", "-Infinity"], ["0", "2", "-2", "5", "-5"]
    ),
    "cast:numeric(numeric,int4,int4)": product(
        ["2.5", "-1234.5678", "0.005", "NaN", "Infinity", "99.99", "0"],
        ["5", "3"],
        ["2", "0", "3"],
    ),
    "cast:varchar(text,int4)": product(["abc", "日本語", "", "ab  "], ["1", "2", "10"]),
    "^(numeric,numeric)": product(
        ["0", "1", "-1.5", "2", "10", "0.5", "NaN", "Infinity", "-Infinity"],
        ["0", "1", "-1", "2", "3", "10", "-3", "NaN", "Infinity", "-Infinity"],
    ),
    "power(numeric,numeric)": product(["1.0001", "9.99", "-2.00"], ["0", "5", "-2", "7", "20"])
    + product(
        ["0", "1.0001", "9.99", "2", "0.5", "123456.789", "0.0000001", "-2"],
        ["0.5", "-0.5", "3.7", "0.001", "-2.25", "1.000000000000000000001"],
    )
    + [("1.0000000001", "3000000000"), ("-1.0000000001", "3000000001"), ("0", "3000000000")],
    "exp(numeric)": [
        (v,)
        for v in ["0", "1", "-1", "0.5", "-50", "80", "-700", "10.123456789012345678901234", "1e-20"]
        + ["-1e10", "1e10", "23.02585092994046", "NaN", "Infinity", "-Infinity"]
    ],
    "ln(numeric)": [(v,) for v in LOGARITHMS],
    "log(numeric)": [(v,) for v in LOGARITHMS],
    "log10(numeric)": [(v,) for v in LOGARITHMS[::2]],
    "log(numeric,numeric)": product(
        ["2", "10", "0.5", "1.00001", "1e20", "1", "0", "-1", "NaN", "Infinity"],
        ["8", "0.125", "1000", "1.0000000001", "2e-30", "0", "Infinity"],
    ),
    "sqrt(numeric)": [
        (v,)
        for v in [
            "0",
            "2",
            "4",
            "0.0001",
            "1234567890123",
            "2.25",
            "-1",
            "NaN",
            "Infinity",
            "0.000000000000000000123",
            "99999999999999999999",
        ]
    ],
    "width_bucket(float8,float8,float8,int4)": product(
        ["5", "-1", "10", "0", "NaN"], ["0", "10"], ["10", "0", "Infinity"], ["5", "0"]
    ),
    "/(numeric,numeric)": product(
        ["1", "10", "-7.5", "0", "123456789012345.678", "NaN", "Infinity", "0.0001"],
        ["3", "-0.7", "0", "1000000", "NaN", "Infinity", "-Infinity", "1.10"],
    ),
    "div(numeric,numeric)": product(
        ["1", "10", "-7.5", "0", "123456789012345.678", "NaN", "Infinity"],
        ["3", "-0.7", "0", "NaN", "-Infinity"],
    ),
    "cast:text(text)": [],
    "cast:bool(text)": [
        (v,)
        for v in [
            "t",
            "true",
            "YES",
            "on",
            "1",
            "f",
            "no",
            "off",
            "0",
            "of",
            "maybe",
            "",
            " true ",
        ]
    ],
    "cast:int4(text)": [(v,) for v in ["1", " -5 ", "2147483648", "1.5", "", "abc", "0x10", "+7"]],
    "cast:int8(text)": [(v,) for v in ["1", " -5 ", "9223372036854775808", "1.5", "", "abc"]],
    "cast:int2(text)": [(v,) for v in ["1", "32768", "-32768", "x"]],
    "cast:oid(text)": [(v,) for v in ["1", "4294967295", "4294967296", "-1", "x"]],
    "cast:numeric(text)": [
        (v,) for v in ["1", "1.50", "-.5", "1e3", "1e-3", "NaN", "inf", "abc", "", "1.2.3", " 7 "]
    ],
    "cast:float8(text)": [
        (v,)
        for v in [
            "1",
            "1.50",
            "-.5",
            "1e3",
            "1e400",
            "1e-400",
            "NaN",
            "inf",
            "-Infinity",
            "abc",
            "",
            "0x1p3",
        ]
    ],
    "cast:date(text)": [
        (v,)
        for v in [
            "2024-02-29",
            "2023-02-29",
            "Feb 3 2020",
            "20240101",
            "infinity",
            "x",
            "2024-13-01",
            "0044-03-15 BC",
        ]
    ],
    "cast:timestamp(text)": [
        (v,)
        for v in [
            "2024-02-29 12:34:56.789",
            "2024-02-29",
            "2024-02-29T01:02:03Z",
            "x",
            "2024-02-30",
            "infinity",
            "294277-01-01",
        ]
    ],
    "cast:timestamptz(text)": [
        (v,)
        for v in [
            "2024-02-29 12:34:56.789",
            "2024-02-29 12:00+02",
            "2024-03-10 02:30",
            "2024-02-29 12:00 Europe/Berlin",
            "x",
        ]
    ],
    "cast:interval(text)": [
        (v,)
        for v in ["1 day", "1 year 2 mons", "-01:02:03", "P1DT2H", "1.5 hours", "x", "2 weeks"]
    ],
    "cast:char(text)": [(v,) for v in ["", "a", "abc"]],
    "*(interval,float8)": product(
        POOLS["interval"], ["0", "1.5", "-2", "0.1", "1e10", "NaN", "Infinity", "0.333333"]
    ),
    "*(float8,interval)": product(["1.5", "-0.25"], POOLS["interval"]),
    "/(interval,float8)": product(POOLS["interval"], ["0", "1.5", "-2", "3", "1e-10", "7"]),
    "cast:int4(float8)": [
        (v,)
        for v in [
            "0.5",
            "1.5",
            "2.5",
            "-0.5",
            "-1.5",
            "2147483647.4",
            "2147483647.5",
            "-2147483648.5",
            "-2147483648.6",
            "NaN",
            "Infinity",
        ]
    ],
    "cast:int8(float8)": [
        (v,)
        for v in [
            "0.5",
            "2.5",
            "9.2e18",
            "9223372036854775807",
            "-9223372036854775808",
            "NaN",
            "1e300",
        ]
    ],
    "cast:int4(numeric)": [
        (v,) for v in ["0.5", "1.5", "-0.5", "2147483647.4", "2147483647.5", "NaN", "Infinity"]
    ],
    "cast:numeric(float8)": [
        (v,)
        for v in ["0.1", "1e15", "1e-5", "123456789.123456789", "NaN", "Infinity", "-0", "1e20"]
    ],
    "cast:float8(numeric)": [
        (v,)
        for v in [
            "0.1",
            "123456789012345678901234567890",
            "1e-30",
            "NaN",
            "-Infinity",
            "0.30000000000000004",
        ]
    ],
}
del BY_KEY["cast:text(text)"]
