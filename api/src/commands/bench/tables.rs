//! Reports for people.

use std::fmt::Write as _;

use crate::operations::bench::{
    BehindProvider, Contested, Form, Ingested, IngestionReport, Latencies, Machine, Measured, Memory,
    NestedReadReport, OperationsReport, SearchReport, SeedReport, SignInReport,
};

pub(super) fn ingestion(report: &IngestionReport) -> String {
    let mut text = format!("{}\n", machine(&report.machine));
    let _ = writeln!(
        text,
        "{} documents, {} chunks, {} jobs at a time; the API made the documents in {:.2} s.\n",
        report.queued.documents, report.queued.chunks, report.worker_concurrency, report.creation_seconds
    );
    let _ = writeln!(text, "{:<34}{:>10}{:>12}", "", "seconds", "chunks/s");
    for (name, ingested) in [
        ("worker alone, everything queued", &report.queued),
        ("end to end, from the first request", &report.end_to_end),
    ] {
        let _ = writeln!(text, "{name:<34}{:>10.2}{:>12}", ingested.seconds, ingested.chunks_per_second);
    }
    let _ = writeln!(text, "{:<34}{:>10}{:>12}\n", "target", "", report.target_chunks_per_second);
    text += &stages(&report.end_to_end);
    text += &memory(report.memory);
    if let Some(behind) = &report.behind_provider {
        text += &behind_provider(behind);
    }
    text
}

fn behind_provider(behind: &BehindProvider) -> String {
    let mut text =
        format!("\nBehind a provider of {} ms, in {} requests:\n\n", behind.latency_ms, behind.requests);
    for (name, ingested) in [
        ("worker alone, everything queued", &behind.queued),
        ("end to end, from the first request", &behind.end_to_end),
    ] {
        let _ = writeln!(text, "{name:<34}{:>10.2}{:>12}", ingested.seconds, ingested.chunks_per_second);
    }
    text + &stages(&behind.end_to_end)
}

pub(super) fn search(report: &SearchReport) -> String {
    let mut text = format!("{}\n", machine(&report.machine));
    let _ = writeln!(
        text,
        "{} chunks, {} hits a search, {}.\n",
        report.corpus.chunks, report.first, report.engine
    );
    let _ = writeln!(
        text,
        "{:>7}  {:<8}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "clients", "way", "p50 ms", "p99 ms", "max ms", "per s", "p50 ratio", "p99 ratio"
    );
    for Measured { clients, way, latencies, requests_per_second, p50_ratio, p99_ratio, .. } in &report.results
    {
        let _ = writeln!(
            text,
            "{clients:>7}  {:<8}{:>10.2}{:>10.2}{:>10.2}{requests_per_second:>10}{p50_ratio:>10.2}{p99_ratio:>10.2}",
            way.name(),
            latencies.p50_ms,
            latencies.p99_ms,
            latencies.max_ms,
        );
    }
    let _ =
        writeln!(text, "\nTarget: p50 over that of the engine alone at most {}.", report.target_p50_ratio);
    text + &memory(report.memory)
}

pub(super) fn sign_in(report: &SignInReport) -> String {
    let mut text = format!("{}\n", machine(&report.machine));
    let [memory, passes, lanes] = report.parameters;
    let _ = writeln!(
        text,
        "Argon2id with {memory} KiB, {passes} passes and {lanes} lane; {} people sign in, {} clients read.\n",
        report.people, report.readers
    );
    let _ = writeln!(text, "{:<28}{:>10}{:>10}{:>10}{:>10}", "", "per s", "p50 ms", "p99 ms", "max ms");
    for (name, rate) in [
        ("sign-ins", &report.sign_ins),
        ("point reads, alone", &report.reads_alone),
        ("point reads, beside them", &report.reads_beside),
    ] {
        let Latencies { p50_ms, p99_ms, max_ms } = rate.latencies;
        let _ =
            writeln!(text, "{name:<28}{:>10.1}{p50_ms:>10.2}{p99_ms:>10.2}{max_ms:>10.2}", rate.per_second);
    }
    text
}

fn machine(machine: &Machine) -> String {
    let memory = machine.memory_mib.map(|mib| format!(", {mib} MiB of memory")).unwrap_or_default();
    let warning =
        if machine.optimized { "" } else { ". This build is not optimised: its figures mean nothing" };
    format!("{} cores{memory}{warning}.", machine.cores)
}

fn stages(ingested: &Ingested) -> String {
    let stages = ingested.stages_ms.iter().map(|(stage, ms)| format!("{} {ms} ms", stage.to_lowercase()));
    format!("Stages, added up over the documents: {}.\n", stages.collect::<Vec<_>>().join(", "))
}

fn memory(Memory { peak_mib, postgres_mib }: Memory) -> String {
    let known = |mib: Option<u64>| mib.map_or("unknown".to_owned(), |mib| format!("{mib} MiB"));
    format!("Memory: peak of this process {}, PostgreSQL {}.\n", known(peak_mib), known(postgres_mib))
}

/// What a seeded database holds.
pub(super) fn seeded(report: &SeedReport) -> String {
    let SeedReport {
        folder,
        workspaces,
        readable_workspaces,
        rows,
        size_mib,
        seconds,
        vacuum_seconds,
        reused,
    } = report;
    let when = if *reused { "It had been seeded before, in" } else { "Seeded in" };
    format!(
        "{rows} rows in {workspaces} workspaces, {readable_workspaces} of which can be read; {size_mib} MiB.\n\
         {when} {seconds:.1} s, and {vacuum_seconds:.1} s for statistics.\nIt is kept in {}.\n",
        folder.display()
    )
}

/// The nested read.
pub(super) fn nested_read(report: &NestedReadReport) -> String {
    let mut text = format!("{}\n{}\n", machine(&report.machine), database(&report.database));
    let _ = writeln!(
        text,
        "agents 20 × runs 5 × citations 3: {} KB an answer, the same from all.\n\n{}",
        report.answer_bytes / 1000,
        header()
    );
    for contested in &report.results {
        text.push_str(&line(contested));
    }
    text.push_str(&forms(&report.statement_forms));
    if let Some(version) = &report.postgraphile {
        let _ = writeln!(text, "PostGraphile {version}.");
    }
    left_out(&mut text, &report.left_out);
    for (what, ratio, target) in [
        ("the statement", report.ratio_to_statement, report.target_ratio_to_statement),
        ("PostGraphile", report.ratio_to_postgraphile, report.target_ratio_to_postgraphile),
    ] {
        let ratio = ratio.map_or("not measured".to_owned(), |ratio| format!("{ratio:.2}"));
        let _ = writeln!(
            text,
            "With 16 clients this server's rate over that of {what}: {ratio} (target {target})."
        );
    }
    text
}

/// Single operations.
pub(super) fn operations(report: &OperationsReport) -> String {
    let mut text = format!("{}\n", machine(&report.machine));
    for of_database in &report.databases {
        let _ = writeln!(text, "{}", database(of_database));
    }
    for one in &report.operations {
        let _ = writeln!(text, "\n{}, {} workspaces\n{}", one.operation.name(), one.workspaces, header());
        for contested in &one.results {
            text.push_str(&line(contested));
        }
        text.push_str(&forms(&one.statement_forms));
        if let Some(ratio) = one.ratio_to_statement {
            let _ = writeln!(text, "This server's rate over that of the statements: {ratio:.2}.");
        }
    }
    left_out(&mut text, &report.left_out);
    text
}

fn database(report: &SeedReport) -> String {
    format!("{} workspaces, {} rows, {} MiB.", report.workspaces, report.rows, report.size_mib)
}

fn header() -> String {
    format!(
        "{:>7}  {:<14}{:>10}{:>10}{:>10}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "clients",
        "",
        "per s",
        "p50 ms",
        "p99 ms",
        "server CPU",
        "PG CPU ms",
        "client CPU",
        "server MiB",
        "PG MiB"
    )
}

fn line(contested: &Contested) -> String {
    let known = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    let whole = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    format!(
        "{:>7}  {:<14}{:>10.0}{:>10.2}{:>10.2}{:>12}{:>12}{:>12}{:>12}{:>12}\n",
        contested.clients,
        contested.contender.name(),
        contested.requests_per_second,
        contested.p50_ms,
        contested.p99_ms,
        known(contested.server_cpu_ms),
        known(contested.postgres_cpu_ms),
        known(contested.client_cpu_ms),
        whole(contested.server_peak_mib),
        whole(contested.postgres_mib),
    )
}

fn forms(forms: &[Form]) -> String {
    let Some(best) = forms.first() else { return String::new() };
    format!("The statements as {}, the fastest of {} forms.\n", best.name, forms.len())
}

fn left_out(text: &mut String, reasons: &[String]) {
    for reason in reasons {
        let _ = writeln!(text, "Not measured: {reason}.");
    }
}
