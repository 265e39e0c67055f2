// SPDX-License-Identifier: Apache-2.0
#include "log/takeover.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error_makers.h"
#include "log/record_frame.h"
#include "model/older_manifest.h"

namespace braid::log {

namespace {

constexpr FrameKind kFrame = {.magic = "BRAIDTKO", .version = 1, .name = "takeover record"};
constexpr std::string_view kPrefix = "takeover-";

/// Of a file: which start has written it, and which of its own it is.
using Place = std::pair<uint64_t, uint32_t>;

std::string name_of(const Place& place) {
    return fmt::format("{}{}-{}", kPrefix, place.first, place.second);
}

std::optional<Place> place_of(std::string_view name) {
    if (!name.starts_with(kPrefix)) return std::nullopt;
    Place place;
    const char* const end = name.data() + name.size();
    const auto [dash, bad_epoch] = std::from_chars(name.data() + kPrefix.size(), end, place.first);
    if (bad_epoch != std::errc() || dash == end || *dash != '-') return std::nullopt;
    const auto [at, bad_number] = std::from_chars(dash + 1, end, place.second);
    if (bad_number != std::errc() || at != end) return std::nullopt;
    return place;
}

Result<FoundLog> read_log(ByteReader& reader) {
    FoundLog log;
    log.epoch = TRY(reader.varint());
    for (uint64_t count = TRY(reader.varint()); count > 0; --count) {
        log.newest.emplace_back(TRY(reader.text()));
    }
    return log;
}

}  // namespace

std::string encode(const TakeoverRecord& record) {
    std::string body;
    ByteWriter writer(body);
    writer.varint(record.epoch);
    writer.varint(record.logs.size());
    for (const auto& [log, found] : record.logs) {
        writer.text(log);
        writer.varint(found.epoch);
        writer.varint(found.newest.size());
        for (const std::string& each : found.newest) writer.text(each);
    }
    return frame_record(kFrame, body);
}

Result<TakeoverRecord> decode_takeover_record(std::string_view bytes) {
    ByteReader reader(TRY(open_record(kFrame, bytes)).body);
    TakeoverRecord record;
    record.epoch = TRY(reader.varint());
    for (uint64_t count = TRY(reader.varint()); count > 0; --count) {
        std::string log(TRY(reader.text()));
        record.logs[std::move(log)] = TRY(read_log(reader));
    }
    if (!reader.at_end()) return corrupt("it goes on behind its end");
    return record;
}

Result<std::unique_ptr<Takeover>> Takeover::begin(FileSystem& files, std::string directory,
                                                  uint64_t epoch) {
    std::unique_ptr<Takeover> takeover(new Takeover(files, std::move(directory)));
    TRY(takeover->load(epoch));
    return takeover;
}

Result<void> Takeover::load(uint64_t epoch) {
    std::optional<Place> newest;
    for (const std::string& name : TRY(files_.list(directory_))) {
        const auto place = place_of(name);
        if (place && (!newest || *newest < *place)) newest = place;
    }
    const ScopedLock lock(mutex_);
    record_.epoch = epoch;
    if (!newest) return {};
    const std::string path = fmt::format("{}/{}", directory_, name_of(*newest));
    TakeoverRecord before = TRY(decode_takeover_record(TRY(files_.read_all(path)))
                                    .context(fmt::format("reading \"{}\"", path)));
    if (before.epoch >= epoch) {
        return corrupt(
                   "\"{}\" was written by owner {} of the data directory; the manifest knows {}",
                   path, before.epoch, epoch - 1)
            .with_sqlstate(kOlderManifest)
            .with_detail("The manifest is older than the log: what it told since then is missing.")
            .with_hint("Put back the manifest that belongs to this log.");
    }
    decided_ = before.epoch;
    before_ = std::move(before.logs);
    return {};
}

FoundLog Takeover::found(const LogId& log) const {
    const auto place = before_.find(log.hex);
    return place == before_.end() ? FoundLog() : place->second;
}

Result<void> Takeover::note(const LogId& log, std::vector<std::string> newest) {
    const ScopedLock lock(mutex_);
    record_.logs[log.hex] = {record_.epoch, std::move(newest)};
    return is_finished_ ? write() : Result<void>();
}

Result<void> Takeover::finish(const std::vector<LogId>& existing) {
    const ScopedLock lock(mutex_);
    for (const LogId& each : existing) {
        const auto before = before_.find(each.hex);
        if (before != before_.end()) record_.logs.insert(*before);
    }
    TRY(write());
    is_finished_ = true;
    return {};
}

Result<void> Takeover::write() {
    const Place place{record_.epoch, written_++};
    const std::string path = fmt::format("{}/{}", directory_, name_of(place));
    TRY(must_be_done(TRY(put_new(files_, path, as_bytes(encode(record_)))), path));
    for (const std::string& name : TRY(files_.list(directory_))) {
        const auto other = place_of(name);
        if (!other || *other >= place) continue;
        // One that stays is in nobody's way: the newest counts, and the next start tries again.
        static_cast<void>(files_.remove(fmt::format("{}/{}", directory_, name)));
    }
    return {};
}

}  // namespace braid::log
