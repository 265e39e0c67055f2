// SPDX-License-Identifier: Apache-2.0
#include "tests/prove/age/life.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/posix_file_system.h"
#include "tests/prove/age/unsynced_files.h"

namespace braid::testing {

namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = 86'400 * kSecondUs;
constexpr double kMillisecond = 1e-3;
constexpr double kMicrosecond = 1e-6;
constexpr const char* kTable = "web";

/// As a server's, in one thread.
app::NodeOptions node_options(const AgeOptions& options) {
    app::NodeOptions node;
    node.speed.seal_interval_us = options.seal_every_us;
    node.speed.seal_events_min = 0;
    node.batch.interval_us = options.batch_every_us;
    node.batch.full_interval_us = options.batch_full_every_us;
    return node;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

}  // namespace

std::string AgeRow::header() {
    std::string text =
        "day,events,seals,manifest_number,wall_s,cpu_us_per_event,rss_mb,open_files,mappings";
    for (const std::string_view folder : kFolders) text += fmt::format(",{}_files", folder);
    for (const std::string_view folder : kFolders) text += fmt::format(",{}_bytes", folder);
    return text + ",runs_max,point_us,scan_ms,start_ms,start_cpu_ms";
}

std::string AgeRow::to_csv() const {
    std::string text = fmt::format("{:.5f},{},{},{},{:.1f},{:.3f},{:.1f},{},{}",
                                   static_cast<double>(virtual_us) / static_cast<double>(kDayUs),
                                   events, seals, manifest_number, wall_seconds, cpu_us_per_event,
                                   static_cast<double>(process.resident_bytes) / (1 << 20),
                                   process.open_files, process.mappings);
    const auto gauge = [this](std::string_view folder) {
        const auto place = folders.find(folder);
        return place == folders.end() ? FolderGauges{} : place->second;
    };
    for (const std::string_view folder : kFolders) text += fmt::format(",{}", gauge(folder).files);
    for (const std::string_view folder : kFolders) text += fmt::format(",{}", gauge(folder).bytes);
    return text + fmt::format(",{},{:.1f},{:.2f},{:.1f},{:.1f}", runs_max, point_us, scan_ms,
                              start_ms, start_cpu_ms);
}

AgedNode::AgedNode(AgeOptions options)
    : options_(std::move(options)),
      web_log_(SteppedClock().wall_us(), options_.events_per_second),
      began_us_(wall_.monotonic_us()),
      lived_us_(options_.from_us) {}

Result<std::unique_ptr<AgedNode>> AgedNode::open(AgeOptions options) {
    std::unique_ptr<AgedNode> aged(new AgedNode(std::move(options)));
    TRY(aged->start());
    return aged;
}

Result<void> AgedNode::start() {
    const double cpu = cpu_seconds();
    disk_ = std::make_unique<UnsyncedFiles>(TRY(open_posix_file_system(options_.data)));
    node_ = std::make_unique<TestNode>(node_options(options_));
    node_->live_on(*disk_);
    node_->clock().advance_us(options_.from_us);
    TRY(node_->start());
    if (node_->node().state()->catalog.find_table(kTable) == nullptr) TRY(declare());
    const auto log = TRY(node_->node().log_of(node_->table(kTable)));
    events_ = events_at_row_ = log->durable_end().at.at(0).value;
    if (events_ > web_log_.events_within(lived_us_)) {
        return invalid_input("the log has more than happens until --from: the clock would go back");
    }
    TRY(node_->query("SELECT visits FROM pages WHERE path = '/module0/page0'"));
    start_ms_ = static_cast<double>(wall_.monotonic_us() - began_us_) * kMillisecond;
    start_cpu_ms_ = (cpu_seconds() - cpu) / kMillisecond;
    return {};
}

Result<void> AgedNode::declare() {
    const std::string retention =
        options_.retention.empty() ? "" : fmt::format(", retention = '{}'", options_.retention);
    TRY(node_->query(fmt::format(
        "CREATE TABLE {} (ip text, at timestamptz, path text, status int, bytes bigint) "
        "WITH (connector = 'http', format = 'json', event_time = 'at'{});"
        "CREATE MATERIALIZED VIEW pages AS SELECT path, count(*) AS visits, sum(bytes) AS bytes, "
        "max(at) AS newest FROM web GROUP BY path;"
        "CREATE MATERIALIZED VIEW callers AS SELECT ip, count(*) AS visits, min(at) AS first, "
        "max(at) AS newest FROM web GROUP BY ip;"
        "CREATE MATERIALIZED VIEW statuses AS SELECT status, count(*) AS visits, "
        "count(DISTINCT ip) AS visitors FROM web GROUP BY status;"
        "CREATE MATERIALIZED VIEW hours AS SELECT date_bin('1 hour', at, '2000-01-01Z') AS hour, "
        "split_part(path, '/', 2) AS module, count(*) AS visits FROM web GROUP BY 1, 2",
        kTable, retention)));
    return {};
}

bool AgedNode::has_ended() const {
    return static_cast<double>(lived_us_) >= options_.days * static_cast<double>(kDayUs);
}

Result<void> AgedNode::live() {
    const int64_t next = (lived_us_ / options_.sample_every_us + 1) * options_.sample_every_us;
    while (lived_us_ < next && !has_ended()) TRY(step());
    return {};
}

Result<void> AgedNode::step() {
    lived_us_ += options_.seal_every_us;
    const uint64_t end = web_log_.events_within(lived_us_);
    while (events_ < end) {
        constexpr uint64_t kRequestMax = 4096;
        TRY(append(events_, std::min(end, events_ + kRequestMax)));
    }
    const double before = cpu_seconds();
    // What is folded waits for an interval: so each has a seal of its own.
    node_->run_workers();
    node_->clock().advance_us(options_.seal_every_us);
    node_->run_workers();
    cpu_since_row_ += cpu_seconds() - before;
    const manifest::StatePtr state = node_->node().state();
    const Positions& sealed = state->table(node_->table(kTable))->sealed_frontier;
    if (sealed != sealed_) {
        sealed_ = sealed;
        ++seals_;
    }
    if (const auto failure = node_->node().failure()) return *failure;
    return {};
}

Result<void> AgedNode::append(uint64_t from, uint64_t to) {
    std::vector<std::string> records;
    for (uint64_t event = from; event < to; ++event) records.push_back(web_log_.record(event));
    const double cpu = cpu_seconds();
    TRY(node_->append(kTable, 0, records));
    cpu_since_row_ += cpu_seconds() - cpu;
    events_ = to;
    return {};
}

Result<AgeRow> AgedNode::look() {
    AgeRow row;
    row.virtual_us = lived_us_;
    row.events = events_;
    const manifest::StatePtr state = node_->node().state();
    row.seals = seals_;
    row.manifest_number = state->number.value;
    row.wall_seconds =
        static_cast<double>(wall_.monotonic_us() - began_us_) / static_cast<double>(kSecondUs);
    if (events_ > events_at_row_) {
        row.cpu_us_per_event =
            cpu_since_row_ / kMicrosecond / static_cast<double>(events_ - events_at_row_);
    }
    for (const char* view : {"pages", "callers", "statuses", "hours"}) TRY(check_visits(view));
    row.point_us = TRY(cpu_of_point_reads()) / kMicrosecond;
    row.scan_ms = TRY(cpu_of_scan()) / kMillisecond;
    row.process = TRY(process_gauges());
    row.folders = folder_gauges(options_.data);
    const auto runs = TRY(node_->query("SELECT max(runs) FROM braid.views"));
    std::from_chars(runs.at(0).data(), runs.at(0).data() + runs.at(0).size(), row.runs_max);
    row.start_ms = start_ms_;
    row.start_cpu_ms = start_cpu_ms_;
    events_at_row_ = events_;
    cpu_since_row_ = 0;
    return row;
}

Result<void> AgedNode::check_visits(const std::string& view) const {
    const auto rows = TRY(node_->query(fmt::format("SELECT sum(visits) FROM {}", view)));
    const std::string wanted = events_ == 0 ? "NULL" : fmt::format("{}", events_);
    if (rows.at(0) == wanted) return {};
    return internal_error("view {} holds {} visits of {} events", view, rows.at(0), events_);
}

Result<double> AgedNode::cpu_of_point_reads() const {
    constexpr uint64_t kReads = 200;
    std::vector<double> seconds;
    for (uint64_t number = 0; number < kReads; ++number) {
        const std::string page = WebLog::page(number * WebLog::kPages / kReads);
        const std::string sql = fmt::format("SELECT visits FROM pages WHERE path = '{}'", page);
        const double cpu = thread_cpu_seconds();
        TRY(node_->query(sql));
        seconds.push_back(thread_cpu_seconds() - cpu);
    }
    return median(std::move(seconds));
}

Result<double> AgedNode::cpu_of_scan() const {
    constexpr int kScans = 5;
    std::vector<double> seconds;
    for (int scan = 0; scan < kScans; ++scan) {
        const double cpu = cpu_seconds();
        TRY(node_->query("SELECT path, visits, bytes, newest FROM pages"));
        seconds.push_back(cpu_seconds() - cpu);
    }
    return median(std::move(seconds));
}

}  // namespace braid::testing
