// SPDX-License-Identifier: Apache-2.0
#include "log/embedded_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "base/mutex.h"
#include "log/partition.h"
#include "log/recovery.h"

namespace braid::log {

namespace {

constexpr size_t kKeyBytesMax = 255;
constexpr uint64_t kRequestBytesMax = 1ULL << 30;
constexpr size_t kLogIdBytesMax = 32;

/// Who wants to know of new records.
class Listeners {
  public:
    void add(std::function<void()> listener) {
        ScopedLock lock(mutex_);
        auto longer = std::make_shared<std::vector<std::function<void()>>>(*listeners_);
        longer->push_back(std::move(listener));
        listeners_ = std::move(longer);
    }
    void call() const {
        std::shared_ptr<const std::vector<std::function<void()>>> listeners;
        {
            ScopedLock lock(mutex_);
            listeners = listeners_;
        }
        for (const auto& each : *listeners) each();
    }

  private:
    mutable Mutex mutex_;
    std::shared_ptr<const std::vector<std::function<void()>>> listeners_ =
        std::make_shared<std::vector<std::function<void()>>>();
};

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
                Metrics* metrics)
        : context_{.files = files,
                   .clock = clock,
                   .id = id,
                   .options = options,
                   .metrics = make_metrics(metrics, id),
                   .keys = KeyTable(options.keys_max, options.key_age_us_max),
                   .stop = {},
                   .committed = [this] { listeners_.call(); }} {}

    Result<void> open(const std::string& directory, uint32_t partition_count);

    const LogId& id() const override { return context_.id; }
    uint32_t partition_count() const override { return static_cast<uint32_t>(partitions_.size()); }
    Result<AppendOutcome> append(PartitionId partition, const AppendRequest& request) override;
    Positions start() const override;
    Positions durable_end() const override;
    Result<RecordBatch> read(PartitionId partition, Offset from, size_t records_max) override {
        return of(partition).read(from, records_max);
    }
    std::vector<SourcePosition> source_positions(PartitionId partition) const override {
        return of(partition).source_positions();
    }
    Result<void> trim(PartitionId partition, Offset keep_from) override {
        return of(partition).trim(keep_from);
    }
    void on_durable(std::function<void()> listener) override {
        listeners_.add(std::move(listener));
    }

  private:
    Partition& of(PartitionId partition) const {
        CHECK_LT(partition.value, partitions_.size());
        return *partitions_[partition.value];
    }
    Result<void> prepare_directories(const std::string& directory, uint32_t partition_count);

    LogContext context_;
    Listeners listeners_;
    std::vector<std::unique_ptr<Partition>> partitions_;
};

Result<void> check_request(const AppendRequest& request) {
    uint64_t bytes = request.preamble.size();
    for (const std::string_view record : request.records) bytes += record.size();
    if (bytes > kRequestBytesMax) {
        return invalid_input("request of {} bytes exceeds the limit of {}", bytes,
                             kRequestBytesMax);
    }
    if (!request.key) return {};
    const size_t key_bytes = request.key->key.size();
    if (key_bytes >= 1 && key_bytes <= kKeyBytesMax) return {};
    return invalid_input("idempotency key must have 1 to {} bytes, not {}", kKeyBytesMax,
                         key_bytes);
}

Result<AppendOutcome> EmbeddedLog::append(PartitionId partition, const AppendRequest& request) {
    if (partition.value >= partitions_.size()) {
        return invalid_input("no such partition: {}", partition.value);
    }
    TRY(check_request(request));
    if (!request.key) return of(partition).append(request);
    const std::optional<StoredKey> stored =
        TRY(context_.keys.reserve(*request.key, context_.clock.wall_us()));
    if (stored) {
        if (context_.metrics.duplicates != nullptr) context_.metrics.duplicates->add(1);
        return AppendOutcome{.partition = stored->partition,
                             .first = stored->first,
                             .end = {stored->first.value + stored->record_count},
                             .ingested_at_us = stored->ingested_at_us,
                             .was_duplicate = true};
    }
    Result<AppendOutcome> outcome = of(partition).append(request);
    if (!outcome) context_.keys.release(request.key->key);
    return outcome;
}

Positions EmbeddedLog::start() const {
    Positions positions;
    for (const auto& each : partitions_) positions.at.push_back(each->start());
    return positions;
}

Positions EmbeddedLog::durable_end() const {
    Positions positions;
    for (const auto& each : partitions_) positions.at.push_back(each->durable_end());
    return positions;
}

Result<void> EmbeddedLog::open(const std::string& directory, uint32_t partition_count) {
    TRY(prepare_directories(directory, partition_count));
    std::vector<StoredKey> keys;
    for (uint32_t index = 0; index < partition_count; ++index) {
        const PartitionId id{index};
        std::string path = fmt::format("{}/{}", directory, index);
        RecoveredPartition recovered =
            TRY(recover_partition(context_.files, context_.clock, path, context_.id, id));
        std::ranges::move(recovered.state.keys, std::back_inserter(keys));
        recovered.state.keys.clear();
        partitions_.push_back(
            std::make_unique<Partition>(context_, std::move(path), id, std::move(recovered)));
    }
    context_.keys.restore(std::move(keys));
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

}  // namespace

Result<std::unique_ptr<PartitionedLog>> open_embedded_log(FileSystem& files, const Clock& clock,
                                                          std::string directory, LogId id,
                                                          uint32_t partition_count,
                                                          EmbeddedLogOptions options,
                                                          Metrics* metrics) {
    CHECK_GT(partition_count, 0u);
    if (id.hex.empty() || id.hex.size() > kLogIdBytesMax) {
        return invalid_input("log id \"{}\" does not have 1 to {} characters", id.hex,
                             kLogIdBytesMax);
    }
    auto log = std::make_unique<EmbeddedLog>(files, clock, std::move(id), options, metrics);
    TRY(log->open(directory, partition_count)
            .context(fmt::format("opening log \"{}\"", directory)));
    return log;
}

}  // namespace braid::log
