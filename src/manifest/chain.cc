// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "base/durable_directory.h"
#include "base/error_makers.h"
#include "base/random.h"
#include "manifest/chain_internal.h"

namespace braid::manifest {

namespace {

constexpr size_t kDigitsMin = 8;

std::optional<uint64_t> number_of(std::string_view name) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
    if (name.size() < kDigitsMin || number == 0) return std::nullopt;
    return number;
}

}  // namespace

Chain::Chain(FileSystem& files, std::string directory)
    : files_(files),
      directory_(std::move(directory)),
      writer_(fmt::format("{:016x}", Random::from_system()->next())) {}

std::string Chain::path_of(uint64_t number) const {
    return fmt::format("{}/{:08}", directory_, number);
}

std::string Chain::temporary_directory() const { return directory_ + "/_tmp"; }

Result<void> Chain::prepare() {
    TRY(create_durable_directories(files_, temporary_directory()));
    const std::vector<uint64_t> versions = TRY(numbers());
    const uint64_t newest = versions.empty() ? 0 : versions.back();
    for (const std::string& name : TRY(files_.list(temporary_directory()))) {
        // Whoever still writes a number that is taken has lost it, and will notice.
        const auto number = number_of(std::string_view(name).substr(0, name.find('-')));
        if (!number || *number > newest) continue;
        static_cast<void>(files_.remove(temporary_directory() + "/" + name));  // garbage may stay
    }
    return {};
}

Result<std::vector<uint64_t>> Chain::numbers() const {
    std::vector<uint64_t> found;
    for (const std::string& name : TRY(files_.list(directory_))) {
        if (const auto number = number_of(name)) found.push_back(*number);
    }
    std::ranges::sort(found);
    return found;
}

Result<std::optional<VersionFile>> Chain::read(uint64_t number) const {
    const std::string path = path_of(number);
    Result<std::string> text = files_.read_all(path);
    if (!text) {
        if (text.error().code() == ErrorCode::kNotFound) return std::optional<VersionFile>();
        return std::move(text).error();
    }
    VersionFile file = TRY(read_version(*text, path));
    if (file.number.value != number) {
        return corrupt("manifest file \"{}\" says that it is number {}", path, file.number.value);
    }
    return std::optional(std::move(file));
}

Result<StatePtr> Chain::extend(const State& base, const VersionFile& file) const {
    if (file.state) return std::make_shared<const State>(*file.state);
    Result<State> next = apply(base, file.changes, file.at_us);
    if (!next) {
        return corrupt("manifest file \"{}\" does not follow from what precedes it",
                       path_of(file.number.value))
            .with_detail(next.error().to_string());
    }
    next->number = file.number;
    return std::make_shared<const State>(*std::move(next));
}

Result<StatePtr> Chain::load() const {
    const std::vector<uint64_t> versions = TRY(numbers());
    std::vector<VersionFile> newest_first;
    for (uint64_t number = versions.empty() ? 0 : versions.back(); number > 0; --number) {
        std::optional<VersionFile> file = TRY(read(number));
        if (!file) {
            return corrupt("manifest file \"{}\" is missing", path_of(number))
                .with_detail(fmt::format("Version {} needs it.", versions.back()));
        }
        newest_first.push_back(*std::move(file));
        if (newest_first.back().state) break;
    }
    StatePtr state = std::make_shared<const State>();
    for (auto file = newest_first.rbegin(); file != newest_first.rend(); ++file) {
        state = TRY(extend(*state, *file));
    }
    return state;
}

Result<StatePtr> Chain::read_next(const State& base) const {
    const std::optional<VersionFile> file = TRY(read(base.number.value + 1));
    if (!file) return StatePtr();
    return extend(base, *file);
}

Result<bool> Chain::exists(ManifestNumber number) const {
    return files_.exists(path_of(number.value));
}

Result<bool> Chain::is_in_chain(ManifestNumber number) {
    // Nothing precedes the first. Whatever else is there may have been built on it or not.
    if (number.value == 1) return TRY(numbers()).size() == 1;
    const bool in_chain = TRY(files_.exists(path_of(number.value - 1)));
    if (!in_chain) static_cast<void>(files_.remove(path_of(number.value)));  // nobody reads it
    return in_chain;
}

/// Not publish_file: after a failure it matters which step failed.
Result<Outcome> Chain::publish(ManifestNumber number, std::string_view text) {
    const std::string temporary = TRY(write_temporary(number.value, text));
    if (Result<void> moved = files_.move_no_replace(temporary, path_of(number.value)); !moved) {
        Result<Outcome> outcome = read_back(number.value, text, std::move(moved).error());
        static_cast<void>(files_.remove(temporary));  // what stays is garbage
        if (!outcome || *outcome != Outcome::kPublished) return outcome;
    }
    // The name is there, but a power cut may still take it away.
    if (Result<void> synced = files_.sync_directory(directory_); !synced) return Outcome::kUnknown;
    return Outcome::kPublished;
}

Result<std::string> Chain::write_temporary(uint64_t number, std::string_view text) {
    const std::string path =
        fmt::format("{}/{:08}-{}-{}", temporary_directory(), number, writer_, ++attempts_);
    const auto write = [&]() -> Result<void> {
        const std::unique_ptr<WritableFile> file = TRY(files_.create(path));
        TRY(file->append(as_bytes(text)));
        return file->sync();
    };
    if (Result<void> written = write(); !written) {
        static_cast<void>(files_.remove(path));  // what stays is garbage; the first error matters
        return std::move(written)
            .context(fmt::format("writing manifest version {}", number))
            .error();
    }
    return path;
}

/// A move that failed may still have happened (a reply that was lost, a link whose source could not
/// be removed). No two writers write the same bytes, so the content tells.
Result<Outcome> Chain::read_back(uint64_t number, std::string_view text, Error error) const {
    const Result<std::string> found = files_.read_all(path_of(number));
    if (found) return *found == text ? Outcome::kPublished : Outcome::kLost;
    if (found.error().code() != ErrorCode::kNotFound) return Outcome::kUnknown;
    return std::move(error).with_context(fmt::format("publishing manifest version {}", number));
}

Result<uint64_t> Chain::oldest_needed(const std::vector<uint64_t>& numbers) const {
    int whole = 0;
    for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
        if (*number % kWholeEvery != 0) continue;
        const std::optional<VersionFile> file = TRY(read(*number));
        if (file && file->state && ++whole == 2) return *number;
    }
    return uint64_t{0};
}

Result<uint64_t> Chain::trim(uint64_t keep) {
    const std::vector<uint64_t> versions = TRY(numbers());
    const uint64_t needed = TRY(oldest_needed(versions));
    uint64_t removed = 0;
    for (const uint64_t number : versions) {
        if (number >= needed || versions.size() - removed <= keep) break;
        TRY(files_.remove(path_of(number)));
        ++removed;
    }
    if (removed > 0) TRY(files_.sync_directory(directory_));
    return removed;
}

}  // namespace braid::manifest
