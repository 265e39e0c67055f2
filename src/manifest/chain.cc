// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

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

Chain::Chain(Store& store, std::string directory)
    : store_(store),
      directory_(std::move(directory)),
      writer_(fmt::format("{:016x}", Random::from_system()->next())) {}

std::string Chain::path_of(uint64_t number) const {
    return fmt::format("{}/{:08}", directory_, number);
}

Result<std::vector<uint64_t>> Chain::numbers() const {
    std::vector<uint64_t> found;
    const auto names = store_.list(directory_);
    if (!names && names.error().code() == ErrorCode::kNotFound) return found;
    if (!names) return names.error();
    for (const std::string& name : *names) {
        if (const auto number = number_of(name)) found.push_back(*number);
    }
    std::ranges::sort(found);
    return found;
}

Result<std::optional<VersionFile>> Chain::read(uint64_t number) const {
    const std::string path = path_of(number);
    Result<std::string> text = store_.read_all(path);
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
    return store_.exists(path_of(number.value));
}

Result<bool> Chain::is_in_chain(ManifestNumber number) {
    // Nothing precedes the first. Whatever else is there may have been built on it or not.
    if (number.value == 1) return TRY(numbers()).size() == 1;
    const bool in_chain = TRY(store_.exists(path_of(number.value - 1)));
    if (!in_chain) static_cast<void>(store_.remove(path_of(number.value)));  // nobody reads it
    return in_chain;
}

Result<std::unique_ptr<NewFile>> Chain::begin(ManifestNumber number, std::string_view text) {
    const std::string path = path_of(number.value);
    std::unique_ptr<NewFile> file = TRY(store_.begin_put(path));
    TRY(file->append(as_bytes(text)).context(fmt::format("writing \"{}\"", path)));
    return file;
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
        TRY(store_.remove(path_of(number)));
        ++removed;
    }
    if (removed > 0) TRY(store_.sync_directory(directory_));
    return removed;
}

Result<void> Chain::forget_before(ManifestNumber whole) {
    const std::optional<VersionFile> file = TRY(read(whole.value));
    if (!file || !file->state) {
        return internal_error("manifest version {} is not whole", whole.value);
    }
    for (const uint64_t number : TRY(numbers())) {
        if (number >= whole.value) break;
        TRY(store_.remove(path_of(number)));
    }
    return store_.sync_directory(directory_);
}

}  // namespace braid::manifest
