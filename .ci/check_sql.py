"""Refuses SQL that is built at run time, and database handles outside their door.

Every argument that becomes SQL must be a literal, a constant, `concat!`/`include_str!`, or a local name that plainly
holds one. Anything else needs its reason on the line above: `// sql: literal because …`. What sqlx types as a
static string is trusted to the compiler; what goes round that type (`AssertSqlSafe`, sea-orm's strings) is not.
Database pools and connections belong to the folders in DOORS; elsewhere: `// pool: allowed because …`.
"""

import re

from rust_source import arguments, closing, reason_above, split, statement_line

SQL_REASON = re.compile(r"//\s*sql: literal because \S.{8,}")
POOL_REASON = re.compile(r"//\s*pool: allowed because \S.{8,}")

# sqlx's own functions take a static string or a wrapper that is checked where it is made.
TYPED = {"query", "query_as", "query_scalar", "query_with", "query_as_with", "query_scalar_with", "raw_sql"}

# (what stands before the bracket, which argument is SQL)
UNTYPED = [
    (("AssertSqlSafe",), 0),
    (("Statement", "::", "from_string"), 1),
    (("Statement", "::", "from_sql_and_values"), 1),
    (("execute_unprepared",), 0),
    (("Expr", "::", "cust"), 0),
    (("Expr", "::", "cust_with_values"), 0),
    (("Expr", "::", "cust_with_expr"), 0),
    (("Expr", "::", "cust_with_exprs"), 0),
    (("QueryBuilder", "::", "new"), 0),
    (("QueryBuilder", "::", "with_arguments"), 0),
]
NAMES_OF_SINKS = {"AssertSqlSafe", "Statement", "QueryBuilder", "raw_sql", "execute_unprepared"}

POOLS = {"PgPool", "PgPoolOptions", "PoolConnection", "DatabaseConnection", "SqlxPostgresConnector", "AnyPool"}
CONNECTIONS = {"PgConnection", "PgConnectOptions", "PgListener"}
DOORS = {
    "pool": ("api/src/tenancy/", "migration/", "tests/"),
    "connection": ("api/src/tenancy/", "api/src/embedded/", "api/src/operations/", "migration/", "tests/"),
}

CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*$")


def texts(tokens):
    return [token.text for token in tokens]


def is_literal(argument):
    """A string literal, a constant by path, or a macro that only joins literals or reads a file of the tree."""
    while argument and argument[0].text in ("&", "*"):
        argument = argument[1:]
    if not argument:
        return False
    if len(argument) == 1 and argument[0].kind == "text":
        return True
    if argument[0].text in ("concat", "include_str") and len(argument) > 3 and argument[1].text == "!":
        inside = argument[3:-1]
        return all(token.kind == "text" or token.text in (",", "concat", "env", "!", "(", ")") for token in inside)
    path = texts(argument)
    return (
        all(token.kind == "name" or token.text == "::" for token in argument)
        and bool(CONSTANT.match(path[-1]))
    )


def is_place(argument):
    """A local name or a field: what sqlx's static type decides."""
    return bool(argument) and all(token.kind == "name" or token.text in ("&", "*", ".", "::") for token in argument)


def holds_literal(tokens, index, argument):
    """Whether the nearest binding above makes this local name a literal."""
    while argument and argument[0].text in ("&", "*"):
        argument = argument[1:]
    if len(argument) != 1 or argument[0].kind != "name":
        return False
    name = argument[0].text
    for at in range(index - 1, 0, -1):
        if tokens[at].text != name or tokens[at].kind != "name":
            continue
        before, after = tokens[at - 1].text, texts(tokens[at + 1 : at + 5])
        if after[:4] == [":", "&", "'static", "str"]:
            return True
        if before == "let" and after[:1] == ["="] or before == "for" and after[:1] == ["in"]:
            return all_literals(tokens, at + 2, ";" if before == "let" else "{")
        if before in ("let", "mut", "for", "|", "(", ",") and after[:1] != ["."]:
            return False
    return False


def all_literals(tokens, start, end):
    """Whether the tokens up to `end` are a literal, a constant, or a list of those."""
    stop = start
    while stop < len(tokens) and tokens[stop].text != end:
        stop += 1
    value = tokens[start:stop]
    while value and value[0].text in ("&", "*"):
        value = value[1:]
    if value and value[0].text == "[" and closing(value, 0) == len(value) - 1:
        return all(is_literal(entry) for entry in arguments(value, 0))
    return is_literal(value)


def skip_turbofish(tokens, index):
    """The index after `::<…>`, or the same index."""
    if texts(tokens[index : index + 2]) != ["::", "<"]:
        return index
    depth = 0
    for at in range(index + 1, len(tokens)):
        if tokens[at].text == "<":
            depth += 1
        elif tokens[at].text == ">":
            depth -= 1
            if depth == 0:
                return at + 1
    return index


def names_from_sqlx(tokens):
    """The names that the file imports from sqlx."""
    names, index = set(), 0
    while index < len(tokens):
        if tokens[index].text == "use" and index + 1 < len(tokens) and tokens[index + 1].text == "sqlx":
            while index < len(tokens) and tokens[index].text != ";":
                if tokens[index].kind == "name":
                    names.add(tokens[index].text)
                index += 1
        index += 1
    return names


def sql_arguments(tokens):
    """Yields (index, which argument list entry is SQL, whether the compiler types it) for every call that takes SQL."""
    imported = names_from_sqlx(tokens)
    for index, token in enumerate(tokens):
        if token.kind != "name" or (index and tokens[index - 1].text == "fn"):
            continue
        opening = skip_turbofish(tokens, index + 1)
        if opening >= len(tokens) or tokens[opening].text != "(":
            continue
        if token.text in TYPED:
            before = texts(tokens[max(index - 2, 0) : index])
            if before == ["sqlx", "::"] or (token.text in imported and before[-1:] not in (["."], ["::"])):
                yield index, opening, 0, True
            continue
        for words, position in UNTYPED:
            if words[-1] == token.text and tuple(texts(tokens[max(index - len(words) + 1, 0) : index + 1])) == words:
                yield index, opening, position, False
            elif len(words) > 1 and words[-1] == token.text and generic_path(tokens, index, words[0]):
                yield index, opening, position, False


def generic_path(tokens, index, name):
    """Whether `Name::<…>::` stands before the index."""
    if texts(tokens[max(index - 2, 0) : index]) != [">", "::"]:
        return False
    depth = 0
    for at in range(index - 2, 1, -1):
        depth += {">": 1, "<": -1}.get(tokens[at].text, 0)
        if depth == 0:
            return texts(tokens[at - 2 : at]) == [name, "::"]
    return False


def check(path, source):
    """Returns (line, message) for everything in the file that breaks the rules."""
    tokens, comments = split(source)
    found = []

    def refuse(index, reason, message):
        lines = (tokens[index].line, statement_line(tokens, index))
        if not reason_above(comments, lines, reason):
            found.append((tokens[index].line, message))

    for index, opening, position, typed in sql_arguments(tokens):
        given = arguments(tokens, opening)
        argument = given[position] if position < len(given) else []
        wrapped = typed and "AssertSqlSafe" in texts(argument)
        known = is_literal(argument) or wrapped or (is_place(argument) if typed else holds_literal(tokens, index, argument))
        if not known:
            refuse(index, SQL_REASON, f"SQL given to {tokens[index].text} is built at run time")

    for index, token in enumerate(tokens):
        following = texts(tokens[index + 1 : index + 3])
        if token.text in NAMES_OF_SINKS and following[:1] == ["as"] and tokens[index - 1].text in ("::", "{", ","):
            found.append((token.line, f"{token.text} is renamed, which hides it from this check"))
        if token.text == "SqlSafeStr" and following[:1] == ["for"]:
            refuse(index, SQL_REASON, "a type of our own claims that its SQL is safe")
        if token.text == "Statement" and following[:1] == ["{"] and tokens[index - 1].text not in ("struct", "impl", "for", "->"):
            body = texts(tokens[index + 1 : closing(tokens, index + 1)])
            if any(body[at : at + 2] == ["sql", ":"] for at in range(len(body))):
                refuse(index, SQL_REASON, "a statement is made from its parts")
        for kind, names in (("pool", POOLS), ("connection", CONNECTIONS)):
            if token.text in names and not path.startswith(DOORS[kind]) and path.startswith("api/"):
                refuse(index, POOL_REASON, f"{token.text} outside the door to the database")
    return sorted(set(found))


# Each: the source, and the lines at which it must be refused.
CASES = [
    ('fn a() { sqlx::query("select 1"); }', []),
    ('fn a() { sqlx::query(r#"select "a""#); }', []),
    ("fn a() { sqlx::query(SELECT); sqlx::query_as::<_, Row>(super::sql::SELECT); }", []),
    ('fn a() { sqlx::query(&format!("select {x}")); }', [1]),
    ('fn a() { sqlx::query(format!("select {x}").as_str()); }', [1]),
    ('fn a() { sqlx::query("select ".to_string() + x); }', [1]),
    ('use sqlx::{query, Row};\nfn a() { query(&format!("{x}")); }', [2]),
    ('fn a() { self.query(format!("{x}")); }', []),
    ('fn a() { sqlx::query_as::<Postgres, (i64, Vec<Option<i64>>)>(build(x)); }', [1]),
    ("fn a() { sqlx::query(step.sql); sqlx::raw_sql(*statement); }", []),
    ('fn a() { sqlx::raw_sql(AssertSqlSafe(format!("drop {x}"))); }', [1]),
    ('fn a() {\n    // sql: literal because the name is from the catalogue\n    sqlx::raw_sql(AssertSqlSafe(format!("drop {x}")));\n}', []),
    ('fn a() {\n    // sql: literal because yes\n    sqlx::raw_sql(AssertSqlSafe(format!("drop {x}")));\n}', [3]),
    ("fn a() {\n    // sql: literal because sea-orm built it\n    // and more\n    let row = one\n        .two(AssertSqlSafe(s));\n}", []),
    ("fn a() {\n    // sql: literal because sea-orm built it\n    b();\n    c(AssertSqlSafe(s));\n}", [4]),
    ('fn a() { m.execute_unprepared("create table t ()"); m.execute_unprepared(SQL); }', []),
    ('fn a() { m.execute_unprepared(&format!("{x}")); }', [1]),
    ('fn a(sql: &\'static str) { m.execute_unprepared(sql); }', []),
    ("fn a(sql: &str) { m.execute_unprepared(sql); }", [1]),
    ('fn a() { let sql = "select 1"; m.execute_unprepared(sql); }', []),
    ('fn a() { let sql = format!("{x}"); m.execute_unprepared(&sql); }', [1]),
    ('fn a() { for sql in ["a", "b"] { m.execute_unprepared(sql); } }', []),
    ("fn a() { for sql in STATEMENTS { m.execute_unprepared(sql); } }", []),
    ("fn a() { for sql in parts(x) { m.execute_unprepared(sql); } }", [1]),
    ('fn a() { Statement::from_string(backend, "select 1"); }', []),
    ('fn a() { Statement::from_string(backend, format!("{x}")); }', [1]),
    ('fn a() { sea_orm::Statement::from_sql_and_values(b, sql(), [x]); }', [1]),
    ('fn a() { Statement { sql: text, values, db_backend }; }', [1]),
    ('fn a() { Expr::cust("now()"); Expr::cust(&name); }', [1]),
    ('fn a() { QueryBuilder::<Postgres>::new(start); }', [1]),
    ('fn a() { QueryBuilder::<Postgres>::new("select "); }', []),
    ("use sqlx::AssertSqlSafe as Safe;", [1]),
    ("impl SqlSafeStr for Mine {}", [1]),
    ('fn a() { m.execute_unprepared(concat!("a", "b")); m.execute_unprepared(include_str!("a.sql")); }', []),
    ('fn a() { m.execute_unprepared(concat!("a", stringify!($x))); }', [1]),
    ('// sqlx::query(&format!("{x}"))\n/* sqlx::query(x()) /* y */ sqlx::query(x()) */\nconst A: &str = "sqlx::query(x())";', []),
    ("fn a<'a>(x: &'a str) -> char { '\"' }\nfn b() { sqlx::query(c()); }", [2]),
    ("fn a(pool: PgPool) {}", [1]),
    ("// pool: allowed because the App builds it once\nfn a(pool: PgPool) {}", []),
]


def self_test():
    """Checks the checker; returns what is wrong with it."""
    wrong = []
    for source, expected in CASES:
        lines = sorted({line for line, _ in check("api/src/a.rs", source)})
        if lines != expected:
            wrong.append(f"check_sql: expected {expected}, found {lines} in: {source}")
    if check("api/src/tenancy/mod.rs", "fn a(pool: PgPool) {}"):
        wrong.append("check_sql: tenancy may not hold its own pool")
    return wrong
