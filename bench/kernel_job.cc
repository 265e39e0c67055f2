// SPDX-License-Identifier: Apache-2.0
#include "bench/kernel_job.h"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <sys/resource.h>
#include <variant>

#include "app/config.h"
#include "base/error_makers.h"
#include "columnar/text_io.h"
#include "columnar/time_zone.h"
#include "operators/enrich/data_file_test_support.h"
#include "sql/sql.h"

namespace braid::bench {

namespace {

constexpr size_t kSliceRecords = 4096;    // SpeedOptions::slice_records_max
constexpr size_t kPieceBytes = 4U << 20;  // a group of the log
constexpr size_t kCacheLineBytes = 64;
/// So far before they are read, bytes of a file are asked for: a memory access takes as long as a
/// dozen lines.
constexpr uintptr_t kAheadBytes = 4096;
constexpr uintptr_t kAheadLines = 5;
constexpr double kMicro = 1e-6;

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * kMicro;
}

Result<std::shared_ptr<const operators::EnrichData>> load_function_data(
    const std::string& cache_directory) {
    auto data = std::make_shared<operators::EnrichData>();
    if (cache_directory.empty()) return std::shared_ptr<const operators::EnrichData>(data);
    const app::FunctionDataFiles files = app::built_in_function_data();
    data->user_agents = TRY(operators::load_user_agent_rules(
        operators::read_data_file(files.user_agent_rules), cache_directory));
    data->regions =
        TRY(operators::open_region_database(operators::read_data_file(files.regions_ipv4),
                                            operators::read_data_file(files.regions_ipv6)));
    return std::shared_ptr<const operators::EnrichData>(data);
}

}  // namespace

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

Result<Job> bind_job(std::string_view sql, const std::string& cache_directory) {
    Job job;
    catalog::Catalog catalog;
    const auto enrich = TRY(load_function_data(cache_directory));
    for (const sql::Statement& statement : TRY(sql::parse(sql))) {
        sql::BoundStatement bound = TRY(sql::bind(statement, catalog, {}));
        if (auto* table = std::get_if<sql::CreateTable>(&bound.command)) {
            job.table = std::move(table->table);
            job.table.id = {catalog.next_id++};
            job.table.log = {std::string(32, '0')};
            job.table.dataset_folder = catalog::dataset_folder(job.table.name, job.table.id);
            catalog.tables.put(job.table);
        } else if (auto* view = std::get_if<sql::CreateMaterializedView>(&bound.command)) {
            operators::BoundView ready;
            ready.plan = std::move(view->plan);
            ready.context.format.zone = TRY(find_time_zone("UTC"));
            ready.context.enrich = enrich;
            job.views.push_back(std::move(ready));
        } else {
            return invalid_input("a job has no {}", statement.tag);
        }
    }
    return job;
}

Result<std::unique_ptr<Fold>> Fold::create(const Job& job) {
    std::unique_ptr<Fold> fold(new Fold());
    fold->folder_ = TRY(operators::ViewFolder::create(job.views));
    for (const operators::BoundView& view : job.views) {
        fold->tables_.emplace_back(view.plan->aggregates);
    }
    fold->accounts_.resize(job.views.size());
    for (size_t view = 0; view < job.views.size(); ++view) {
        fold->targets_.push_back({&fold->tables_[view], &fold->accounts_[view]});
    }
    return fold;
}

LineSlices::LineSlices(std::unique_ptr<const ReadableFile> file)
    : file_(std::move(file)),
      piece_(std::make_shared<std::string>()),
      spare_(std::make_shared<std::string>()) {
    records_.reserve(kSliceRecords);
}

/// The line that the last piece has cut goes before the next one.
Result<void> LineSlices::read_piece() {
    // Somebody may still look at what was read before: then it stays, and there is a new one.
    if (spare_.use_count() > 1) spare_ = std::make_shared<std::string>();
    spare_->resize(rest_.size() + kPieceBytes);
    std::ranges::copy(rest_, spare_->data());
    const std::span<char> room = std::span(*spare_).subspan(rest_.size());
    const size_t read = TRY(file_->read_at(position_, std::as_writable_bytes(room)));
    spare_->resize(rest_.size() + read);
    position_ += read;
    is_at_end_ = read < kPieceBytes;
    std::swap(piece_, spare_);
    rest_ = *piece_;
    return {};
}

Result<bool> LineSlices::next(operators::RecordSlice& slice) {
    records_.clear();
    while (records_.size() < kSliceRecords) {
        // A prefetch never faults, so it may look beyond the end.
        const auto ahead = reinterpret_cast<uintptr_t>(rest_.data()) + kAheadBytes;
        for (uintptr_t line = 0; line < kAheadLines; ++line) {
            __builtin_prefetch(reinterpret_cast<const void*>(ahead + line * kCacheLineBytes));
        }
        const size_t length = std::min(rest_.find('\n'), rest_.size());
        if (length == rest_.size() && !is_at_end_) {
            if (!records_.empty()) break;  // they lie in the piece before
            TRY(read_piece());
            continue;
        }
        if (rest_.empty()) break;
        records_.push_back(rest_.substr(0, length));
        rest_.remove_prefix(std::min(rest_.size(), length + 1));
    }
    slice.partition = {0};
    slice.offsets = Offsets(Offset{static_cast<int64_t>(lines_)});
    slice.records = records_;
    slice.keepalive = piece_;
    lines_ += records_.size();
    return !records_.empty();
}

namespace {

Result<Answer> finish_groups(const operators::GroupTable& table, const plan::ViewPlan& plan,
                             std::span<const operators::GroupTable::Group> groups) {
    Answer answer;
    answer.rows = groups.size();
    answer.columns = TRY(operators::decode_keys(table, groups, plan.key_schema));
    for (size_t aggregate = 0; aggregate < plan.aggregates.size(); ++aggregate) {
        operators::Evaluated made = table.finish(static_cast<int>(aggregate), groups);
        if (!made.errors.empty()) return std::move(made.errors.front().error);
        answer.columns.push_back(std::move(made.column));
    }
    return answer;
}

}  // namespace

AnswerBlocks::AnswerBlocks(const Fold& fold, const Job& job, size_t view, Order order)
    : table_(fold.table(view)), plan_(*job.views[view].plan) {
    if (order == Order::kKey) {
        groups_ = table_.sorted_groups();
    } else {
        groups_.resize(table_.size());
        std::iota(groups_.begin(), groups_.end(), 0U);
    }
}

Result<bool> AnswerBlocks::next(Answer& answer) {
    constexpr size_t kBlockRows = 4096;  // as a scan of a view
    const auto rest = std::span<const operators::GroupTable::Group>(groups_).subspan(done_);
    if (rest.empty()) return false;
    const auto block = rest.first(std::min(kBlockRows, rest.size()));
    answer = TRY(finish_groups(table_, plan_, block));
    done_ += block.size();
    return true;
}

Result<Answer> finish(const Fold& fold, const Job& job, size_t view,
                      std::span<const operators::GroupTable::Group> groups) {
    return finish_groups(fold.table(view), *job.views[view].plan, groups);
}

void append_text(const Answer& answer, std::string& text) {
    for (size_t row = 0; row < answer.rows; ++row) {
        for (size_t column = 0; column < answer.columns.size(); ++column) {
            if (column > 0) text += '|';
            if (answer.columns[column].is_null(row)) {
                text += "\\N";
            } else {
                format_text(answer.columns[column], row, utc_format(), text);
            }
        }
        text += '\n';
    }
}

Result<void> write_file(const std::string& path, std::string_view bytes) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) return unavailable("cannot write {}", path);
    return {};
}

}  // namespace braid::bench
