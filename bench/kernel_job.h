// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "dataset/segment.h"
#include "model/fold_account.h"
#include "operators/decode/decoder.h"
#include "operators/fold/view_folder.h"

namespace braid::bench {

/// CPU time of this process, user and system, in seconds.
double cpu_seconds();

/// A stream and views on it, bound, without a node around them.
struct Job {
    catalog::Table table;
    std::vector<operators::BoundView> views;
};

/// `sql` is one CREATE TABLE and then CREATE MATERIALIZED VIEWs. Rules for client() are compiled
/// into `cache_directory` once; an empty one leaves client() and region() without data.
Result<Job> bind_job(std::string_view sql, const std::string& cache_directory);

/// The tables that a job's records are folded into.
class Fold {
  public:
    static Result<std::unique_ptr<Fold>> create(const Job& job);

    operators::ViewFolder& folder() { return *folder_; }
    const operators::GroupTable& table(size_t view) const { return tables_[view]; }
    void add(const operators::DecodedSlice& slice) { folder_->fold(slice, targets_); }

  private:
    Fold() = default;
    std::unique_ptr<operators::ViewFolder> folder_;
    std::vector<operators::GroupTable> tables_;
    std::vector<FoldAccount> accounts_;
    std::vector<operators::FoldTarget> targets_;
};

/// Lines of a file as slices of records, read in pieces of the size of the log's groups, as the
/// speed layer takes them from the log.
class LineSlices {
  public:
    explicit LineSlices(std::unique_ptr<const ReadableFile> file);

    /// False at the end. The slice is valid until the next call.
    Result<bool> next(operators::RecordSlice& slice);
    uint64_t lines() const { return lines_; }

  private:
    Result<void> read_piece();

    std::unique_ptr<const ReadableFile> file_;
    uint64_t position_ = 0;
    bool is_at_end_ = false;
    std::shared_ptr<std::string> piece_;  // rest_ lies in it
    std::shared_ptr<std::string> spare_;
    std::string_view rest_;
    uint64_t lines_ = 0;
    std::vector<std::string_view> records_;
};

/// Keys and finished aggregates of all groups.
struct Answer {
    size_t rows = 0;
    std::vector<Column> columns;
};
enum class Order : uint8_t { kAny, kKey };  // as a read gives them; as a run is written
Result<Answer> finish(const Fold& fold, const Job& job, size_t view,
                      std::span<const operators::GroupTable::Group> groups);

/// The same in blocks, as a read hands them on: nobody holds a whole large answer as columns.
class AnswerBlocks {
  public:
    AnswerBlocks(const Fold& fold, const Job& job, size_t view, Order order);

    /// False at the end.
    Result<bool> next(Answer& answer);

  private:
    const operators::GroupTable& table_;
    const plan::ViewPlan& plan_;
    std::vector<operators::GroupTable::Group> groups_;
    size_t done_ = 0;
};

/// One line a row, cells split by '|', NULL as "\N".
void append_text(const Answer& answer, std::string& text);
/// Replaces a file outside any data directory.
Result<void> write_file(const std::string& path, std::string_view bytes);

}  // namespace braid::bench
