// SPDX-License-Identifier: Apache-2.0
// Measures the kernel without a server, one subcommand a row of the table; bench/run.py calls it.
// Each prints one JSON line; what is prepared before the measured part is not in its seconds.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <numeric>
#include <string>
#include <unistd.h>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/hash.h"
#include "base/posix_file_system.h"
#include "bench/campaign_counts.h"
#include "bench/kernel_job.h"
#include "bench/load_client.h"
#include "bench/speed_fold.h"
#include "columnar/text_io.h"
#include "operators/decode/declared_decoder.h"

namespace braid::bench {

namespace {

using Words = std::span<const std::string>;

constexpr std::string_view kYsb =
    "CREATE TABLE ysb (user_id text, page_id text, ad_id text, ad_type text, event_type text, "
    "event_time bigint, ip_address text) WITH (connector = 'http', format = 'json');"
    "CREATE MATERIALIZED VIEW views AS SELECT ad_id, event_time / 10000 AS span, count(*) AS views "
    "FROM ysb WHERE event_type = 'view' GROUP BY 1, 2";

constexpr std::string_view kAccess =
    "CREATE TABLE access (ip text, at timestamptz, method text, path text, status int, "
    "bytes bigint, referer text, agent text) "
    "WITH (connector = 'http', format = 'combined', event_time = 'at');";

/// design.md's view of the reference job at one width of window.
std::string access_view(std::string_view name, std::string_view width) {
    return fmt::format(
        "CREATE MATERIALIZED VIEW access_{} AS SELECT date_bin('{}', at, '2000-01-01Z') AS since, "
        "split_part(path, '/', 2) AS module, client(agent) AS client, region(ip) AS region, "
        "count(*) AS visits, count(DISTINCT ip) AS visitors, sum(bytes) AS bytes "
        "FROM access WHERE status < 400 GROUP BY 1, 2, 3, 4;",
        name, width);
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kWidths = {
    {{"1h", "1 hour"},
     {"10m", "10 minutes"},
     {"1m", "1 minute"},
     {"10s", "10 seconds"},
     {"1s", "1 second"}}};

std::string access_job(bool all_widths) {
    std::string sql(kAccess);
    for (const auto& [name, width] : kWidths) {
        if (all_widths || name == "1m") sql += access_view(name, width);
    }
    return sql;
}

void report(uint64_t events, double seconds, size_t rows) {
    fmt::print("{{\"events\": {}, \"cpu_seconds\": {:.6f}, \"rows\": {}}}\n", events, seconds,
               rows);
}

Result<uint64_t> number(const std::string& text) {
    uint64_t value = 0;
    const char* end = text.data() + text.size();
    if (std::from_chars(text.data(), end, value).ptr != end) {
        return invalid_input("\"{}\" is not a number", text);
    }
    return value;
}

Result<LineSlices> lines_of(const std::string& path) {
    const auto files = TRY(open_posix_file_system("/"));
    return LineSlices(TRY(files->open(path)));
}

/// lines FILE: what reading a file and finding its lines costs, which rows 1 and 2 have in them.
Result<void> lines(Words words) {
    LineSlices slices = TRY(lines_of(words[0]));
    operators::RecordSlice records;
    const double started = cpu_seconds();
    while (TRY(slices.next(records))) continue;
    report(slices.lines(), cpu_seconds() - started, 0);
    return {};
}

/// Decodes and folds a file of lines; gives how many.
Result<uint64_t> fold_lines(const Job& job, const std::string& path, Fold& fold) {
    const auto decoder = TRY(operators::make_decoder_of(job.table));
    const std::vector<bool> wanted =
        fold.folder().wanted(job.table.columns.fields.size() + plan::kSystemColumnCount);
    LineSlices lines = TRY(lines_of(path));
    operators::RecordSlice records;
    operators::DecodedSlice slice;
    while (TRY(lines.next(records))) {
        decoder->decode(records, wanted, slice);
        fold.add(slice);
    }
    return lines.lines();
}

/// The plain view over the finished rows: counts per campaign and span.
Result<void> join_campaigns(const Fold& fold, const Job& job, CampaignCounts& counts) {
    constexpr size_t kRows = 4096;
    std::vector<operators::GroupTable::Group> groups(fold.table(0).size());
    std::iota(groups.begin(), groups.end(), 0U);
    for (size_t first = 0; first < groups.size(); first += kRows) {
        const size_t rows = std::min(kRows, groups.size() - first);
        const Answer views = TRY(finish(fold, job, 0, std::span(groups).subspan(first, rows)));
        counts.add(views.columns[0].values<std::string_view>(), views.columns[1].values<int64_t>(),
                   views.columns[2].values<int64_t>());
    }
    return {};
}

/// ysb FILE CAMPAIGNS ANSWER
Result<void> ysb(Words words) {
    const Job job = TRY(bind_job(kYsb, ""));
    const auto fold = TRY(Fold::create(job));
    const auto counts = CampaignCounts::read(words[1]);
    if (!counts) return not_found("no campaigns in {}", words[1]);
    const double started = cpu_seconds();
    const uint64_t events = TRY(fold_lines(job, words[0], *fold));
    TRY(join_campaigns(*fold, job, *counts));
    const double used = cpu_seconds() - started;
    TRY(write_file(words[2], counts->to_text()));
    report(events, used, counts->size());
    return {};
}

/// A scan that began at `started` CPU seconds and has seen so many events.
struct Measured {
    uint64_t events = 0;
    double started = 0;
};

/// Finishes all views, which counts, and writes their rows as text, which does not.
Result<void> report_views(const Job& job, const Fold& fold, Measured measured, Order order,
                          const std::string& path) {
    double used = cpu_seconds() - measured.started;
    size_t rows = 0;
    std::string text;
    for (size_t view = 0; view < job.views.size(); ++view) {
        if (job.views.size() > 1) text += fmt::format("# {}\n", kWidths[view].first);
        double started = cpu_seconds();
        AnswerBlocks blocks(fold, job, view, order);
        Answer answer;
        while (TRY(blocks.next(answer))) {
            used += cpu_seconds() - started;
            rows += answer.rows;
            append_text(answer, text);
            started = cpu_seconds();
        }
        used += cpu_seconds() - started;
    }
    TRY(write_file(path, text));
    report(measured.events, used, rows);
    return {};
}

/// combined FILE 1m|all CACHE ANSWER
Result<void> combined(Words words) {
    const Job job = TRY(bind_job(access_job(words[1] == "all"), words[2]));
    const auto fold = TRY(Fold::create(job));
    const double started = cpu_seconds();
    const uint64_t events = TRY(fold_lines(job, words[0], *fold));
    return report_views(job, *fold, {events, started}, Order::kAny, words[3]);
}

/// speed FILE ysb|1m|all CACHE THREADS: says "ready" and begins at the next line of its input.
Result<void> speed(Words words) {
    const std::string sql = words[1] == "ysb" ? std::string(kYsb) : access_job(words[1] == "all");
    const Job job = TRY(bind_job(sql, words[1] == "ysb" ? "" : words[2]));
    const auto await_start = [] {
        fmt::print("ready\n");
        std::fflush(stdout);
        std::string line;
        std::getline(std::cin, line);
    };
    const SpeedFolded folded =
        TRY(fold_in_speed(job, TRY(lines_of(words[0])), TRY(number(words[3])), await_start));
    fmt::print("{{\"events\": {}, \"seconds\": {:.6f}}}\n", folded.events, folded.seconds);
    return {};
}

/// The file as committed segments below `files`, of a million rows each as the archiver makes them.
Result<std::vector<manifest::Segment>> write_segments(const Job& job, FileSystem& files,
                                                      const std::string& path) {
    constexpr uint64_t kSegmentRows = 1'000'000;
    const std::string day = "2026-11-22";
    const auto decoder = TRY(operators::make_decoder_of(job.table));
    const std::vector<bool> wanted(job.table.columns.fields.size() + plan::kSystemColumnCount,
                                   true);
    LineSlices lines = TRY(lines_of(path));
    operators::RecordSlice records;
    operators::DecodedSlice slice;
    std::vector<manifest::Segment> segments;
    std::unique_ptr<dataset::SegmentWriter> writer;
    while (TRY(lines.next(records))) {
        if (!writer) {
            const auto spec = dataset::SegmentSpec::of(job.table);
            const Offset from = records.offsets[0];
            const std::string file =
                dataset::segment_path(spec.folder, day, spec.log, Positions{{from}});
            writer = TRY(dataset::SegmentWriter::create(files, spec, file, {0}, from));
        }
        decoder->decode(records, wanted, slice);
        TRY(writer->add(slice, records.records, records.ingested_at_us,
                        records.offsets[records.records.size()]));
        if (writer->rows() < kSegmentRows) continue;
        segments.push_back(TRY(writer->move_in()));
        writer.reset();
    }
    if (writer) segments.push_back(TRY(writer->move_in()));
    return segments;
}

/// batch FILE EMPTY_DIRECTORY CACHE ANSWER
Result<void> batch(Words words) {
    const Job job = TRY(bind_job(access_job(false), words[2]));
    const auto files = TRY(open_posix_file_system(words[1]));
    auto segments = TRY(dataset::list_segments(*files, job.table.dataset_folder));
    if (segments.empty()) segments = TRY(write_segments(job, *files, words[0]));
    const auto fold = TRY(Fold::create(job));
    const double started = cpu_seconds();
    dataset::ScanSpec spec;
    spec.wanted = fold->folder().wanted(job.table.columns.fields.size() + plan::kSystemColumnCount);
    spec.from = Positions::zero(1);
    spec.end.at = {segments.back().box.intervals.back().to};
    uint64_t events = 0;
    const auto layout = dataset::SegmentSpec::of(job.table);
    const auto decoder = operators::decoder_spec_of(job.table);
    operators::DecodedSlice slice;
    for (const manifest::Segment& segment : segments) {
        const auto scan = TRY(dataset::SegmentScan::open(*files, layout, decoder, segment, spec));
        while (TRY(scan->next(slice))) {
            fold->add(slice);
            events += slice.batch.length;
        }
    }
    return report_views(job, *fold, {events, started}, Order::kKey, words[3]);
}

Result<uint64_t> resident_bytes() {
    std::ifstream file("/proc/self/statm");
    uint64_t total = 0;
    uint64_t resident = 0;
    if (!(file >> total >> resident)) return unavailable("no /proc/self/statm");
    return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

/// memory KEYS
Result<void> memory(Words words) {
    const Job job = TRY(bind_job(
        "CREATE TABLE t (k bigint, v bigint) WITH (connector = 'http', format = 'json');"
        "CREATE MATERIALIZED VIEW sums AS SELECT k, count(*) AS n, sum(v) AS s FROM t GROUP BY 1",
        ""));
    const auto fold = TRY(Fold::create(job));
    const uint64_t keys = TRY(number(words[0]));
    constexpr uint64_t kScatter = 2'654'435'761;
    constexpr uint64_t kRows = 4096;
    // One key first, so that what every process needs once is not counted.
    uint64_t before = 0;
    for (uint64_t first = 0; first < keys; first += kRows) {
        const uint64_t rows = std::min(kRows, keys - first);
        operators::DecodedSlice slice;
        slice.batch.length = rows;
        std::vector<int64_t> key(rows);
        std::vector<int64_t> value(rows);
        for (uint64_t row = 0; row < rows; ++row) {
            key[row] = static_cast<int64_t>((first + row) * kScatter);
            value[row] = static_cast<int64_t>(first + row);
            slice.good.push_back(static_cast<uint32_t>(row));
        }
        slice.batch.columns = {Column::flat(Type::of(TypeKind::kInt8), std::move(key)),
                               Column::flat(Type::of(TypeKind::kInt8), std::move(value))};
        slice.batch.columns.resize(2 + plan::kSystemColumnCount);
        fold->add(slice);
        if (first == 0) before = TRY(resident_bytes());
    }
    const uint64_t after = TRY(resident_bytes());
    fmt::print("{{\"keys\": {}, \"bytes_per_key\": {:.1f}, \"accounted_per_key\": {:.1f}}}\n", keys,
               static_cast<double>(after - before) / static_cast<double>(keys - kRows),
               static_cast<double>(fold->table(0).bytes_used()) / static_cast<double>(keys));
    return {};
}

Result<LoadTarget> load_target(Words words) {
    return LoadTarget{words[0], static_cast<uint16_t>(TRY(number(words[1]))), words[2]};
}

/// ingest HOST PORT TABLE FILE CONNECTIONS COUNT
Result<void> ingest(Words words) {
    const LineLoad load{words[3], TRY(number(words[4])), TRY(number(words[5]))};
    const double seconds = TRY(send_lines(TRY(load_target(words)), load));
    fmt::print("{{\"events\": {}, \"seconds\": {:.6f}, \"cpu_seconds\": {:.6f}}}\n", load.count,
               seconds, cpu_seconds());
    return {};
}

/// keys HOST PORT TABLE FIRST COUNT KEYS RATE
Result<void> keys(Words words) {
    const KeyLoad load{TRY(number(words[3])), TRY(number(words[4])), TRY(number(words[5])),
                       TRY(number(words[6]))};
    const double seconds = TRY(send_keys(TRY(load_target(words)), load));
    fmt::print("{{\"events\": {}, \"seconds\": {:.6f}, \"cpu_seconds\": {:.6f}}}\n", load.count,
               seconds, cpu_seconds());
    return {};
}

struct Subcommand {
    std::string_view name;
    size_t words;
    Result<void> (*run)(Words words);
};
constexpr std::array<Subcommand, 8> kSubcommands = {{{"lines", 1, lines},
                                                     {"ysb", 3, ysb},
                                                     {"combined", 4, combined},
                                                     {"batch", 4, batch},
                                                     {"speed", 4, speed},
                                                     {"memory", 1, memory},
                                                     {"ingest", 6, ingest},
                                                     {"keys", 7, keys}}};

int run(Words words) {
    for (const Subcommand& subcommand : kSubcommands) {
        if (words.size() != subcommand.words + 1 || words[0] != subcommand.name) continue;
        const auto done = subcommand.run(words.subspan(1));
        if (done) return 0;
        fmt::print(stderr, "braid_kernel_bench: {}\n", done.error().to_string());
        return 1;
    }
    fmt::print(stderr, "bench/run.py knows how to call this\n");
    return 2;
}

}  // namespace

}  // namespace braid::bench

int main(int count, char** values) {
    const std::vector<std::string> words(values + 1, values + count);
    return braid::bench::run(words);
}
