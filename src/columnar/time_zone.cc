// SPDX-License-Identifier: Apache-2.0
#include "columnar/time_zone.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include "base/error_makers.h"
#include "base/mutex.h"
#include "base/result.h"
#include "columnar/ascii.h"
#include "columnar/time_zone_internal.h"

namespace braid {
namespace {

constexpr int64_t kUnixEpochSeconds = kUnixEpochUs / kMicrosPerSecond;
constexpr int kSecondsPerMinute = 60;
constexpr int kSecondsPerHour = 3600;
/// The largest offset of a POSIX name: a week less an hour.
constexpr int kPosixHoursMax = 167;

/// Rounds down: the second in which the microsecond lies.
int64_t floor_seconds(int64_t us) {
    return us / kMicrosPerSecond - (us % kMicrosPerSecond < 0 ? 1 : 0);
}

absl::Time instant(int64_t utc_us) {
    return absl::FromUnixSeconds(floor_seconds(utc_us) - kUnixEpochSeconds);
}

bool is_infinity(int64_t us) {
    return us == kTimestampInfinity || us == kTimestampNegativeInfinity;
}

class FixedZone final : public TimeZone {
  public:
    FixedZone(std::string name, std::string abbreviation, int offset_seconds)
        : name_(std::move(name)),
          abbreviation_(std::move(abbreviation)),
          offset_seconds_(offset_seconds) {}

    const std::string& name() const override { return name_; }
    int offset_seconds_at(int64_t) const override { return offset_seconds_; }
    std::string abbreviation_at(int64_t) const override { return abbreviation_; }
    int64_t to_utc_us(int64_t local_us) const override {
        return is_infinity(local_us) ? local_us : local_us - offset_seconds_ * kMicrosPerSecond;
    }

  private:
    std::string name_;
    std::string abbreviation_;
    int offset_seconds_;
};

class IanaZone final : public TimeZone {
  public:
    IanaZone(std::string name, absl::TimeZone zone) : name_(std::move(name)), zone_(zone) {}

    const std::string& name() const override { return name_; }
    int offset_seconds_at(int64_t utc_us) const override {
        return zone_.At(instant(utc_us)).offset;
    }
    std::string abbreviation_at(int64_t utc_us) const override {
        return zone_.At(instant(utc_us)).zone_abbr;
    }
    int64_t to_utc_us(int64_t local_us) const override {
        if (is_infinity(local_us)) return local_us;
        const absl::CivilSecond epoch(2000, 1, 1);
        const int64_t local_seconds = floor_seconds(local_us);
        const absl::TimeZone::TimeInfo info = zone_.At(epoch + local_seconds);
        // In a gap the clock is read as if it had not been set forward yet, in an overlap as if it
        // had been set back already.
        const bool repeated = info.kind == absl::TimeZone::TimeInfo::REPEATED;
        const int64_t unix_seconds = absl::ToUnixSeconds(repeated ? info.post : info.pre);
        return local_us + (unix_seconds + kUnixEpochSeconds - local_seconds) * kMicrosPerSecond;
    }
    const absl::TimeZone& zone() const { return zone_; }

  private:
    std::string name_;
    absl::TimeZone zone_;
};

/// An abbreviation that means what its zone meant by it last, or else will mean first. One that the
/// zone never uses stands for the zone itself.
class AbbreviatedZone final : public TimeZone {
  public:
    AbbreviatedZone(std::string name, std::shared_ptr<const IanaZone> zone)
        : name_(std::move(name)), zone_(std::move(zone)) {
        const absl::TimeZone& rules = zone_->zone();
        const absl::Time end = absl::FromCivil(absl::CivilDay(kRulesEndYear, 1, 1), rules);
        absl::TimeZone::CivilTransition transition;
        absl::Time at = absl::InfinitePast();
        while (at < end && rules.NextTransition(at, &transition)) {
            at = rules.At(transition.to).trans;
            const absl::TimeZone::CivilInfo now = rules.At(at);
            if (ascii::lowered(now.zone_abbr) == name_) {
                uses_.push_back({absl::ToUnixSeconds(at) + kUnixEpochSeconds, now.offset});
            }
        }
    }

    const std::string& name() const override { return name_; }
    int offset_seconds_at(int64_t utc_us) const override {
        if (uses_.empty()) return zone_->offset_seconds_at(utc_us);
        const auto after =
            std::ranges::upper_bound(uses_, floor_seconds(utc_us), {}, &Use::from_seconds);
        return after == uses_.begin() ? after->offset_seconds : std::prev(after)->offset_seconds;
    }
    std::string abbreviation_at(int64_t utc_us) const override {
        return uses_.empty() ? zone_->abbreviation_at(utc_us) : name_;
    }
    int64_t to_utc_us(int64_t local_us) const override {
        if (is_infinity(local_us)) return local_us;
        const int64_t by_zone = zone_->to_utc_us(local_us);
        if (uses_.empty()) return by_zone;
        return local_us - offset_seconds_at(by_zone) * kMicrosPerSecond;
    }

  private:
    /// None of these abbreviations is left in rules without end.
    static constexpr int kRulesEndYear = 2040;
    struct Use {
        int64_t from_seconds;
        int offset_seconds;
    };
    std::string name_;
    std::shared_ptr<const IanaZone> zone_;
    std::vector<Use> uses_;
};

/// The names of the system's time zone database. Read once: PostgreSQL takes names in any case, and
/// only names that exist reach absl, which never forgets a name.
class ZoneNames {
  public:
    static const ZoneNames& of_system() {
        static const ZoneNames names;
        return names;
    }
    /// nullptr if there is none.
    const std::string* find(std::string_view name) const {
        const auto found = names_.find(ascii::lowered(name));
        return found == names_.end() ? nullptr : &found->second;
    }

  private:
    ZoneNames() {
        const std::filesystem::path root = "/usr/share/zoneinfo";
        std::error_code error;
        auto entry = std::filesystem::recursive_directory_iterator(root, error);
        for (const auto end = std::filesystem::end(entry); !error && entry != end;
             entry.increment(error)) {
            const std::string name = entry->path().lexically_relative(root).string();
            // Those under right/ count leap seconds, which PostgreSQL refuses.
            if (name == "right") entry.disable_recursion_pending();
            if (entry->is_regular_file(error)) names_.emplace(ascii::lowered(name), name);
        }
    }
    std::unordered_map<std::string, std::string> names_;
};

std::shared_ptr<const IanaZone> load_iana_zone(std::string_view name) {
    const std::string* stored_name = ZoneNames::of_system().find(name);
    if (stored_name == nullptr) return nullptr;
    absl::TimeZone zone;
    if (!absl::LoadTimeZone(*stored_name, &zone)) return nullptr;
    return std::make_shared<IanaZone>(*stored_name, zone);
}

/// Takes ":mm" or ":ss" off the front of `text`; 0 if there is none. False if no number follows the
/// colon.
bool take_sixtieths(std::string_view& text, int value_max, int& value) {
    value = 0;
    if (!text.starts_with(':')) return true;
    if (text.size() < 2 || !ascii::is_digit(text[1])) return false;
    const auto [at, error] = std::from_chars(text.data() + 1, text.data() + text.size(), value);
    if (error != std::errc() || value > value_max) return false;
    text.remove_prefix(static_cast<size_t>(at - text.data()));
    return true;
}

/// "8", "+8", "-5:30": seconds, west counted positive; false if the text is no such offset.
bool parse_posix_offset(std::string_view text, int& seconds) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    int hours = 0;
    int minutes = 0;
    int rest_seconds = 0;
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), hours);
    if (error != std::errc() || text.starts_with('-') || hours > kPosixHoursMax) return false;
    text.remove_prefix(static_cast<size_t>(at - text.data()));
    if (!take_sixtieths(text, 59, minutes) || !take_sixtieths(text, 60, rest_seconds)) return false;
    if (!text.empty()) return false;
    seconds = hours * kSecondsPerHour + minutes * kSecondsPerMinute + rest_seconds;
    if (negative) seconds = -seconds;
    return true;
}

/// "UTC+8", "<+05:30>-5:30", "+08": a name, maybe empty, and an offset to the west.
std::shared_ptr<const TimeZone> parse_posix_zone(std::string_view text) {
    std::string_view abbreviation;
    size_t offset_at = 0;
    if (text.starts_with('<')) {
        const size_t close = text.find('>');
        if (close == std::string_view::npos) return nullptr;
        abbreviation = text.substr(1, close - 1);
        offset_at = close + 1;
    } else {
        offset_at = std::min(text.find_first_of("0123456789,+-"), text.size());
        abbreviation = text.substr(0, offset_at);
    }
    int seconds = 0;
    if (!parse_posix_offset(text.substr(offset_at), seconds)) return nullptr;
    return std::make_shared<FixedZone>(std::string(text), std::string(abbreviation), -seconds);
}

/// Zones that were found, by the name as it was asked for.
class ZoneCache {
  public:
    using Zone = std::shared_ptr<const TimeZone>;

    template <typename Find>
    Zone find(std::string_view name, Find find_uncached) {
        const ScopedLock lock(mutex_);
        std::string key(name);
        if (const auto found = zones_.find(key); found != zones_.end()) return found->second;
        Zone zone = find_uncached(name);
        // Beyond the limit, which no honest session meets, names are only looked up.
        if (zone && zones_.size() < kZonesMax) zones_.emplace(std::move(key), zone);
        return zone;
    }

  private:
    static constexpr size_t kZonesMax = 4096;
    Mutex mutex_;
    std::unordered_map<std::string, Zone> zones_ GUARDED_BY(mutex_);
};

}  // namespace

namespace zones {

std::shared_ptr<const TimeZone> zone_of(const Abbreviation& abbreviation) {
    static ZoneCache cache;
    if (abbreviation.name == "utc") return utc();
    return cache.find(
        abbreviation.name, [&](std::string_view name) -> std::shared_ptr<const TimeZone> {
            if (!abbreviation.zone.empty()) {
                if (auto zone = load_iana_zone(abbreviation.zone)) {
                    return std::make_shared<AbbreviatedZone>(std::string(name), std::move(zone));
                }
            }
            std::string upper(name);
            std::ranges::transform(upper, upper.begin(), ascii::to_upper);
            return std::make_shared<FixedZone>(upper, upper, abbreviation.offset_seconds);
        });
}

std::shared_ptr<const TimeZone> find_named_zone(std::string_view name) {
    static ZoneCache cache;
    return cache.find(name, [](std::string_view wanted) -> std::shared_ptr<const TimeZone> {
        // A fixed zone is cheaper to ask than the rules of one that never changes.
        if (ascii::equals_ignoring_case(wanted, "utc")) return utc();
        if (auto zone = load_iana_zone(wanted)) return zone;
        return parse_posix_zone(wanted);
    });
}

}  // namespace zones

std::shared_ptr<const TimeZone> utc() {
    static const auto zone = std::make_shared<const FixedZone>("UTC", "UTC", 0);
    return zone;
}

Result<std::shared_ptr<const TimeZone>> find_time_zone(std::string_view name) {
    if (const zones::Abbreviation* abbreviation = zones::find_abbreviation(ascii::lowered(name))) {
        return zones::zone_of(*abbreviation);
    }
    if (auto zone = zones::find_named_zone(name)) return zone;
    return invalid_input("time zone \"{}\" not recognized", name).with_sqlstate("22023");
}

Result<std::shared_ptr<const TimeZone>> find_session_time_zone(std::string_view setting) {
    const auto invalid = [&] {
        return invalid_input("invalid value for parameter \"TimeZone\": \"{}\"", setting)
            .with_sqlstate("22023");
    };
    const std::string_view number = setting.substr(setting.starts_with('+') ? 1 : 0);
    double hours = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), hours);
    if (error != std::errc() || end != number.data() + number.size()) {
        auto zone = zones::find_named_zone(setting);
        // PostgreSQL takes an odd second for a leap second.
        if (zone && zone->offset_seconds_at(0) % kSecondsPerMinute == 0) return zone;
        return invalid();
    }
    if (!(hours >= -kPosixHoursMax && hours <= kPosixHoursMax)) {
        return invalid().with_detail("UTC timezone offset is out of range.");
    }
    const int seconds = static_cast<int>(hours * kSecondsPerHour);
    const auto clock = [](int offset) {
        const int minutes = std::abs(offset) / kSecondsPerMinute;
        std::string text = fmt::format("{}{:02}", offset < 0 ? '-' : '+', minutes / 60);
        return minutes % 60 == 0 ? text : text + fmt::format(":{:02}", minutes % 60);
    };
    return zones::find_named_zone(fmt::format("<{}>{}", clock(seconds), clock(-seconds)));
}

}  // namespace braid
