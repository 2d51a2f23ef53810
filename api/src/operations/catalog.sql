-- Every object of the schemas public and app, one line each, as the catalogue has it; for comparing two states of a schema.
-- Grants are sorted and spelled out where they are the default, so that only what differs in effect differs in text.
with schemas as (
  select oid, nspname, nspowner, nspacl from pg_namespace where nspname in ('public', 'app')
),
relations as (
  select c.*, s.nspname from pg_class c join schemas s on s.oid = c.relnamespace
),
lines (line) as (
  select format('schema %I owner %s grants %s comment %L', s.nspname, pg_get_userbyid(s.nspowner),
    (select string_agg(a::text, ',' order by a::text collate "C") from unnest(coalesce(s.nspacl, acldefault('n', s.nspowner))) a),
    obj_description(s.oid, 'pg_namespace'))
  from schemas s
  union all
  select format('extension %I version %s', extname, extversion) from pg_extension
  union all
  select format('%s %I.%I owner %s persistence %s rls %s forced %s options %s grants %s comment %L definition %L',
    case r.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view' when 'm' then 'materialized view'
      when 'f' then 'foreign table' else 'sequence' end,
    r.nspname, r.relname, pg_get_userbyid(r.relowner), r.relpersistence, r.relrowsecurity, r.relforcerowsecurity, r.reloptions,
    (select string_agg(a::text, ',' order by a::text collate "C")
     from unnest(coalesce(r.relacl, acldefault(case r.relkind when 'S' then 's'::"char" else 'r'::"char" end, r.relowner))) a),
    obj_description(r.oid, 'pg_class'),
    case when r.relkind in ('v', 'm') then pg_get_viewdef(r.oid)
      when r.relkind = 'S' then (select format('%s from %s by %s between %s and %s cache %s cycle %s', format_type(q.seqtypid, null),
        q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle) from pg_sequence q where q.seqrelid = r.oid)
      when r.relispartition then pg_get_expr(r.relpartbound, r.oid) end)
  from relations r
  where r.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  union all
  select format('column %I.%I.%I place %s type %s not null %s default %L generated %L identity %L collation %s grants %s comment %L',
    r.nspname, r.relname, a.attname, row_number() over (partition by a.attrelid order by a.attnum),
    format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity,
    nullif(a.attcollation, 0)::regcollation,
    (select string_agg(g::text, ',' order by g::text collate "C") from unnest(a.attacl) g),
    col_description(r.oid, a.attnum))
  from pg_attribute a
  join relations r on r.oid = a.attrelid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where r.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped
  union all
  select format('constraint %I on %s%s definition %s validated %s comment %L', n.conname, nullif(n.conrelid, 0)::regclass,
    nullif(n.contypid, 0)::regtype, pg_get_constraintdef(n.oid), n.convalidated, obj_description(n.oid, 'pg_constraint'))
  from pg_constraint n join schemas s on s.oid = n.connamespace
  union all
  select format('index %I.%I definition %s valid %s comment %L', r.nspname, r.relname, pg_get_indexdef(i.indexrelid), i.indisvalid,
    obj_description(i.indexrelid, 'pg_class'))
  from pg_index i join relations r on r.oid = i.indexrelid
  union all
  select format('policy %I on %s permissive %s for %s to %s using %L with check %L comment %L', p.polname, p.polrelid::regclass,
    p.polpermissive, p.polcmd,
    (select string_agg(case u when 0 then 'public' else pg_get_userbyid(u)::text end, ',' order by pg_get_userbyid(u)::text collate "C")
     from unnest(p.polroles) u),
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), obj_description(p.oid, 'pg_policy'))
  from pg_policy p join relations r on r.oid = p.polrelid
  union all
  select format('trigger %I on %s definition %s enabled %s comment %L', t.tgname, t.tgrelid::regclass, pg_get_triggerdef(t.oid),
    t.tgenabled, obj_description(t.oid, 'pg_trigger'))
  from pg_trigger t join relations r on r.oid = t.tgrelid
  where not t.tgisinternal
  union all
  select format('rule %I on %s definition %s', w.rulename, w.ev_class::regclass, pg_get_ruledef(w.oid))
  from pg_rewrite w join relations r on r.oid = w.ev_class
  where w.rulename <> '_RETURN'
  union all
  select format('function %s owner %s grants %s comment %L definition %s', p.oid::regprocedure, pg_get_userbyid(p.proowner),
    (select string_agg(a::text, ',' order by a::text collate "C") from unnest(coalesce(p.proacl, acldefault('f', p.proowner))) a),
    obj_description(p.oid, 'pg_proc'),
    case when p.prokind = 'a' then 'aggregate' else pg_get_functiondef(p.oid) end)
  from pg_proc p join schemas s on s.oid = p.pronamespace
  union all
  select format('type %s owner %s kind %s labels %s base %s default %L grants %s comment %L', t.oid::regtype, pg_get_userbyid(t.typowner),
    t.typtype, (select string_agg(quote_literal(e.enumlabel), ',' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
    format_type(nullif(t.typbasetype, 0), t.typtypmod), t.typdefault,
    (select string_agg(a::text, ',' order by a::text collate "C") from unnest(coalesce(t.typacl, acldefault('T', t.typowner))) a),
    obj_description(t.oid, 'pg_type'))
  from pg_type t join schemas s on s.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
  where t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c')
  union all
  select format('default grants of %s in %s for %s are %s', pg_get_userbyid(d.defaclrole), d.defaclnamespace::regnamespace, d.defaclobjtype,
    (select string_agg(a::text, ',' order by a::text collate "C") from unnest(d.defaclacl) a))
  from pg_default_acl d
)
select replace(line, chr(10), '\n') as line from lines order by line collate "C"
