// SPDX-License-Identifier: Apache-2.0
#include "log/embedded_log.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "base/trace.h"
#include "log/joint_append.h"
#include "log/listeners.h"
#include "log/partition.h"
#include "log/recovery.h"
#include "log/request_limits.h"
#include "log/takeover.h"

namespace braid::log {

namespace {

constexpr size_t kLogIdBytesMax = 32;
constexpr int64_t kFutureUsMax = 1'000'000;

LogMetrics make_metrics(Metrics* metrics, const LogId& id) {
    if (metrics == nullptr) return {};
    const std::string labels = "log=\"" + id.hex + "\"";
    const auto counter = [&](const char* name, const char* help) {
        return &metrics->get(name, Metrics::Kind::kCounter, help, labels);
    };
    return {.records = counter("braid_log_records_total", "Records made durable."),
            .bytes = counter("braid_log_bytes_total", "Bytes of blocks made durable."),
            .syncs = counter("braid_log_group_commits_total", "Group commits, each one sync."),
            .duplicates = counter("braid_log_duplicates_total", "Requests answered by their key.")};
}

class EmbeddedLog final : public PartitionedLog {
  public:
    EmbeddedLog(FileSystem& files, const Clock& clock, LogId id, EmbeddedLogOptions options,
                Metrics* metrics, const LogHost& host)
        : own_order_(host.order == nullptr ? std::make_unique<CommitOrder>() : nullptr),
          context_{.files = files,
                   .clock = clock,
                   .id = id,
                   .options = options,
                   .metrics = make_metrics(metrics, id),
                   .log = *this,
                   .order = own_order_ ? *own_order_ : *host.order,
                   .open_time = OpenTime(clock),
                   .owner = host.owner,
                   .keys = KeyTable(options.keys_max, options.key_age_us_max),
                   .stop = {},
                   .committed = [this] { listeners_.call(); }},
          takeover_(host.takeover) {}

    ~EmbeddedLog() override { context_.order.remove(*this); }

    Result<void> open(const std::string& directory, uint32_t partition_count);

    const LogId& id() const override { return context_.id; }
    uint32_t partition_count() const override { return static_cast<uint32_t>(partitions_.size()); }
    Result<AppendOutcome> append(PartitionId partition, const AppendRequest& request) override;
    Positions origin() const override { return Positions::zero(partition_count()); }
    Positions start() const override;
    Positions durable_end() const override { return context_.order.ends(*this); }
    Result<RecordBatch> read(const Interval& range, size_t records_max) override {
        return of(range.partition).read(range.from, range.to, records_max);
    }
    std::vector<SourcePosition> source_positions(PartitionId partition) const override {
        return of(partition).source_positions();
    }
    Result<void> trim(PartitionId partition, Offset keep_from) override {
        return of(partition).trim(keep_from);
    }
    Result<Positions> roll() override;
    void on_durable(std::function<void()> listener) override {
        listeners_.add(std::move(listener));
    }

    Partition& of(PartitionId partition) const {
        CHECK_LT(partition.value, partitions_.size());
        return *partitions_[partition.value];
    }
    bool is_in(const CommitOrder& order) const { return &context_.order == &order; }
    Result<void> check(PartitionId partition, const AppendRequest& request) const;
    /// What was stored under the key of a request; nothing if it has none, or one that is new: that
    /// is then reserved, to be settled by the append or released.
    Result<std::optional<AppendOutcome>> reserve_key(const AppendRequest& request);
    void release_key(const AppendRequest& request) {
        if (request.key) context_.keys.release(request.key->key);
    }

  private:
    Result<void> prepare_directories(const std::string& directory, uint32_t partition_count);

    const std::unique_ptr<CommitOrder> own_order_;
    LogContext context_;
    Takeover* const takeover_;
    Listeners listeners_;
    std::vector<std::unique_ptr<Partition>> partitions_;
};

Result<void> EmbeddedLog::check(PartitionId partition, const AppendRequest& request) const {
    if (partition.value >= partitions_.size()) {
        return invalid_input("no such partition: {}", partition.value);
    }
    return check_request(request);
}

Result<std::optional<AppendOutcome>> EmbeddedLog::reserve_key(const AppendRequest& request) {
    if (!request.key) return std::optional<AppendOutcome>();
    const std::optional<StoredKey> stored =
        TRY(context_.keys.reserve(*request.key, context_.open_time.now_us()));
    if (!stored) return std::optional<AppendOutcome>();
    if (context_.metrics.duplicates != nullptr) context_.metrics.duplicates->add(1);
    return std::optional(AppendOutcome{.partition = stored->partition,
                                       .offsets = Offsets(stored->first),
                                       .end = {stored->first.value + stored->record_count},
                                       .ingested_at_us = stored->ingested_at_us,
                                       .was_duplicate = true});
}

Result<AppendOutcome> EmbeddedLog::append(PartitionId partition, const AppendRequest& request) {
    TRY(check(partition, request));
    if (const auto known = TRY(reserve_key(request))) return *known;
    Result<AppendOutcome> outcome = of(partition).append(request);
    if (!outcome) release_key(request);
    return outcome;
}

Result<Positions> EmbeddedLog::roll() {
    Positions border;
    for (const auto& each : partitions_) border.at.push_back(TRY(each->roll()));
    return border;
}

Positions EmbeddedLog::start() const {
    Positions positions;
    for (const auto& each : partitions_) positions.at.push_back(each->start());
    return positions;
}

Result<void> EmbeddedLog::open(const std::string& directory, uint32_t partition_count) {
    // One that is made now is known to no process before this one.
    const bool is_made_now =
        takeover_ != nullptr && takeover_->is_finished() && !TRY(context_.files.exists(directory));
    TRY(prepare_directories(directory, partition_count));
    std::vector<StoredKey> keys;
    Positions ends;
    int64_t newest_us = 0;
    const ExtentOrigin origin = context_.origin();
    const FoundLog found = takeover_ == nullptr ? FoundLog() : takeover_->found(id());
    std::vector<std::string> newest;
    for (uint32_t index = 0; index < partition_count; ++index) {
        const PartitionId id{index};
        std::string path = fmt::format("{}/{}", directory, index);
        FoundEnd before;
        if (index < found.newest.size()) before = {found.epoch, found.newest[index]};
        RecoveredPartition recovered =
            TRY(recover_partition(context_.files, path, origin, id, before));
        newest.push_back(recovered.newest_name());
        std::ranges::move(recovered.state.keys, std::back_inserter(keys));
        recovered.state.keys.clear();
        context_.order.restore(recovered.state.newest.sequence);
        context_.open_time.restore(recovered.state.newest.open_us);
        newest_us = std::max(newest_us, recovered.state.newest.ingested_at_us);
        ends.at.push_back(recovered.state.end);
        partitions_.push_back(
            std::make_unique<Partition>(context_, std::move(path), id, std::move(recovered)));
    }
    if (newest_us > origin.now_us + kFutureUsMax) {
        trace(TraceLevel::kWarning, "log",
              "the newest record in \"{}\" was ingested {} s after what the wall clock says now",
              directory, (newest_us - origin.now_us) / 1'000'000);
    }
    if (takeover_ != nullptr && !is_made_now) TRY(takeover_->note(id(), std::move(newest)));
    context_.keys.restore(std::move(keys));
    context_.order.add(*this, std::move(ends));
    return {};
}

Result<void> EmbeddedLog::prepare_directories(const std::string& directory,
                                              uint32_t partition_count) {
    for (uint32_t index = 0; index < partition_count; ++index) {
        TRY(context_.files.create_directories(fmt::format("{}/{}", directory, index)));
    }
    if (TRY(context_.files.exists(fmt::format("{}/{}", directory, partition_count)))) {
        return corrupt("log \"{}\" has more than {} partitions", directory, partition_count);
    }
    // Always, not only when they are new: an earlier process may have died before it came to this.
    for (std::string each = directory;; each = parent_directory(each)) {
        TRY(context_.files.sync_directory(each));
        if (each.empty()) return {};
    }
}

/// The keys that a joint append has reserved, given back unless it succeeds.
class ReservedKeys {
  public:
    ReservedKeys() = default;
    ReservedKeys(const ReservedKeys&) = delete;
    ReservedKeys& operator=(const ReservedKeys&) = delete;
    ~ReservedKeys() {
        for (const auto& [log, request] : reserved_) log->release_key(*request);
    }
    void add(EmbeddedLog& log, const AppendRequest& request) {
        reserved_.emplace_back(&log, &request);
    }
    void settled() { reserved_.clear(); }

  private:
    std::vector<std::pair<EmbeddedLog*, const AppendRequest*>> reserved_;
};

Result<EmbeddedLog*> log_of(const CommitOrder& order, const AppendPart& part) {
    auto* const log = dynamic_cast<EmbeddedLog*>(part.log);
    if (log == nullptr || !log->is_in(order)) {
        return invalid_input("a joint append takes embedded logs of one node only");
    }
    TRY(log->check(part.partition, part.request));
    return log;
}

/// The order in which keys are reserved: everybody's, as one may have to wait for another's.
std::vector<size_t> order_of_keys(std::span<const AppendPart> parts) {
    std::vector<size_t> indexes(parts.size());
    std::iota(indexes.begin(), indexes.end(), size_t{0});
    std::ranges::sort(indexes, {}, [&](size_t index) {
        const AppendPart& part = parts[index];
        const std::string& key = part.request.key ? part.request.key->key : std::string();
        return std::tuple(part.log->id().hex, key, index);
    });
    return indexes;
}

Result<void> check_parts(const CommitOrder& order, std::span<const AppendPart> parts) {
    std::set<std::pair<const PartitionedLog*, std::string>> keys;
    for (const AppendPart& part : parts) {
        TRY(log_of(order, part));
        if (!part.request.key || keys.emplace(part.log, part.request.key->key).second) continue;
        return invalid_input("two parts of a joint append have the key \"{}\"",
                             part.request.key->key);
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<PartitionedLog>> open_embedded_log(FileSystem& files, const Clock& clock,
                                                          std::string directory, LogId id,
                                                          uint32_t partition_count,
                                                          EmbeddedLogOptions options,
                                                          Metrics* metrics, LogHost host) {
    CHECK_GT(partition_count, 0u);
    if (id.hex.empty() || id.hex.size() > kLogIdBytesMax) {
        return invalid_input("log id \"{}\" does not have 1 to {} characters", id.hex,
                             kLogIdBytesMax);
    }
    auto log = std::make_unique<EmbeddedLog>(files, clock, std::move(id), options, metrics, host);
    TRY(log->open(directory, partition_count)
            .context(fmt::format("opening log \"{}\"", directory)));
    return log;
}

Result<std::vector<AppendOutcome>> append_jointly(CommitOrder& order,
                                                  std::span<const AppendPart> parts) {
    std::vector<AppendOutcome> outcomes(parts.size());
    std::vector<bool> is_known(parts.size(), false);
    TRY(check_parts(order, parts));
    ReservedKeys reserved;
    for (const size_t index : order_of_keys(parts)) {
        EmbeddedLog& log = *TRY(log_of(order, parts[index]));
        const auto known = TRY(log.reserve_key(parts[index].request));
        is_known[index] = known.has_value();
        if (known) {
            outcomes[index] = *known;
        } else {
            reserved.add(log, parts[index].request);
        }
    }
    JointAppend append(order);
    for (size_t index = 0; index < parts.size(); ++index) {
        if (is_known[index]) continue;
        EmbeddedLog& log = *TRY(log_of(order, parts[index]));
        append.add(log.of(parts[index].partition), parts[index].request);
    }
    const std::vector<AppendOutcome> written = TRY(append.run());
    reserved.settled();
    auto next = written.begin();
    for (size_t index = 0; index < parts.size(); ++index) {
        if (!is_known[index]) outcomes[index] = *next++;
    }
    return outcomes;
}

}  // namespace braid::log
