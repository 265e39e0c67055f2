// SPDX-License-Identifier: Apache-2.0
#include "operators/enrich/pattern_set_internal.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <utility>

#include <hs/hs.h>
#include <re2/re2.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error_makers.h"
#include "base/mutex.h"

namespace braid::operators {

namespace {

struct FreeDatabase {
    void operator()(hs_database_t* database) const { hs_free_database(database); }
};
struct FreeScratch {
    void operator()(hs_scratch_t* scratch) const { hs_free_scratch(scratch); }
};
using Database = std::unique_ptr<hs_database_t, FreeDatabase>;
using Scratch = std::unique_ptr<hs_scratch_t, FreeScratch>;

// Bytes, not characters: as UTF-8 the same rules take fifty times as long to compile. Only a rule
// that counts characters could miss an agent that is not ASCII; RE2 confirms with characters in any
// case.
constexpr unsigned kFlags = HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY;

unsigned flags_of(const UserAgentRule& rule) {
    return kFlags | (rule.ignore_case ? HS_FLAG_CASELESS : 0);
}

/// A rule's RE2, made when it is first wanted: most rules never match anything.
struct Confirmation {
    std::once_flag once;
    std::unique_ptr<RE2> re2;
};

std::unique_ptr<RE2> make_re2(const UserAgentRule& rule) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_case_sensitive(!rule.ignore_case);
    return std::make_unique<RE2>(rule.pattern, options);
}

/// Compiles the rules given; those that Hyperscan refuses move from `ids` to `refused`.
Result<Database> compile(const std::vector<UserAgentRule>& rules, std::vector<unsigned>& ids,
                         std::vector<unsigned>& refused) {
    while (true) {
        std::vector<const char*> patterns;
        std::vector<unsigned> flags;
        for (const unsigned id : ids) {
            patterns.push_back(rules[id].pattern.c_str());
            flags.push_back(flags_of(rules[id]));
        }
        if (ids.empty()) return Database();
        hs_database_t* database = nullptr;
        hs_compile_error_t* error = nullptr;
        const hs_error_t status = hs_compile_multi(patterns.data(), flags.data(), ids.data(),
                                                   static_cast<unsigned>(ids.size()), HS_MODE_BLOCK,
                                                   nullptr, &database, &error);
        if (status == HS_SUCCESS) return Database(database);
        const int expression = error->expression;
        const std::string message = error->message;
        hs_free_compile_error(error);
        if (expression < 0) return invalid_input("user agent rules do not compile: {}", message);
        refused.push_back(ids[static_cast<size_t>(expression)]);
        ids.erase(ids.begin() + expression);
    }
}

int note_match(unsigned id, unsigned long long, unsigned long long, unsigned, void* context) {
    static_cast<std::vector<unsigned>*>(context)->push_back(id);
    return 0;
}

/// A family with $1 … $9 replaced by what the groups matched.
std::string filled_in(std::string_view replacement, const re2::StringPiece* groups,
                      size_t group_count) {
    std::string out;
    for (size_t i = 0; i < replacement.size(); ++i) {
        const bool is_group = replacement[i] == '$' && i + 1 < replacement.size() &&
                              replacement[i + 1] >= '1' && replacement[i + 1] <= '9';
        if (!is_group) {
            out += replacement[i];
            continue;
        }
        const auto group = static_cast<size_t>(replacement[++i] - '0');
        if (group < group_count) out.append(groups[group].data(), groups[group].size());
    }
    // A group that took no part leaves blanks behind.
    const size_t first = out.find_first_not_of(' ');
    if (first == std::string::npos) return {};
    return out.substr(first, out.find_last_not_of(' ') - first + 1);
}

}  // namespace

struct PatternSet::Body {
    std::vector<UserAgentRule> rules;
    Database database;
    std::vector<unsigned> refused;  // by Hyperscan; ascending
    std::vector<Confirmation> confirmations;
    bool was_restored = false;

    mutable Mutex mutex;
    mutable std::vector<Scratch> free_scratch GUARDED_BY(mutex);

    Scratch borrow() const {
        {
            const ScopedLock lock(mutex);
            if (!free_scratch.empty()) {
                Scratch scratch = std::move(free_scratch.back());
                free_scratch.pop_back();
                return scratch;
            }
        }
        hs_scratch_t* scratch = nullptr;
        CHECK_EQ(hs_alloc_scratch(database.get(), &scratch), HS_SUCCESS);
        return Scratch(scratch);
    }
    void give_back(Scratch scratch) const {
        const ScopedLock lock(mutex);
        free_scratch.push_back(std::move(scratch));
    }

    const RE2& re2_of(unsigned id) {
        Confirmation& confirmation = confirmations[id];
        std::call_once(confirmation.once, [&] { confirmation.re2 = make_re2(rules[id]); });
        return *confirmation.re2;
    }

    std::optional<std::string> family_by(unsigned id, std::string_view text) {
        constexpr size_t kGroupsMax = 10;
        const RE2& re2 = re2_of(id);
        if (!re2.ok()) return std::nullopt;
        re2::StringPiece groups[kGroupsMax];
        const auto count =
            std::min(kGroupsMax, static_cast<size_t>(re2.NumberOfCapturingGroups()) + 1);
        const re2::StringPiece piece(text.data(), text.size());
        if (!re2.Match(piece, 0, text.size(), RE2::UNANCHORED, groups, static_cast<int>(count))) {
            return std::nullopt;
        }
        const std::string& family = rules[id].family;
        if (!family.empty()) return filled_in(family, groups, count);
        return count > 1 ? std::string(groups[1].data(), groups[1].size()) : std::string();
    }
};

PatternSet::PatternSet() = default;
PatternSet::~PatternSet() = default;

namespace {

/// The automaton, after the ids of the rules that are not in it.
Result<Database> restore(std::string_view bytes, std::vector<unsigned>& refused) {
    ByteReader in(bytes);
    const uint64_t count = TRY(in.varint());
    for (uint64_t i = 0; i < count; ++i) {
        refused.push_back(static_cast<unsigned>(TRY(in.varint())));
    }
    const std::string_view automaton = TRY(in.text());
    hs_database_t* database = nullptr;
    if (hs_deserialize_database(automaton.data(), automaton.size(), &database) != HS_SUCCESS) {
        return corrupt("compiled user agent rules are not of this machine");
    }
    return Database(database);
}

}  // namespace

Result<std::unique_ptr<PatternSet>> PatternSet::create(std::vector<UserAgentRule> rules,
                                                       std::string_view compiled) {
    std::unique_ptr<PatternSet> set(new PatternSet());
    set->body_ = std::make_unique<Body>();
    Body& body = *set->body_;
    body.rules = std::move(rules);
    body.confirmations = std::vector<Confirmation>(body.rules.size());
    if (!compiled.empty()) {
        Result<Database> restored = restore(compiled, body.refused);
        body.was_restored = restored.has_value();
        if (body.was_restored) body.database = std::move(restored).value();
    }
    if (!body.was_restored) {
        body.refused.clear();
        std::vector<unsigned> ids(body.rules.size());
        std::iota(ids.begin(), ids.end(), 0);
        body.database = TRY(compile(body.rules, ids, body.refused));
        std::ranges::sort(body.refused);
    }
    for (const unsigned id : body.refused) {
        if (id >= body.rules.size()) return corrupt("compiled user agent rules are of other rules");
        const RE2& re2 = body.re2_of(id);
        if (!re2.ok()) {
            return invalid_input("user agent rule {} is no regular expression: {}",
                                 body.rules[id].pattern, re2.error());
        }
    }
    return set;
}

bool PatternSet::was_restored() const { return body_->was_restored; }

std::string PatternSet::serialize() const {
    if (body_->database == nullptr) return {};
    std::string out;
    ByteWriter writer(out);
    writer.varint(body_->refused.size());
    for (const unsigned id : body_->refused) writer.varint(id);
    char* bytes = nullptr;
    size_t size = 0;
    CHECK_EQ(hs_serialize_database(body_->database.get(), &bytes, &size), HS_SUCCESS);
    writer.text({bytes, size});
    std::free(bytes);
    return out;
}

std::optional<std::string> PatternSet::find(std::string_view text) const {
    std::vector<unsigned> candidates = body_->refused;
    // No automaton if Hyperscan refused every rule.
    if (body_->database != nullptr) {
        Scratch scratch = body_->borrow();
        const hs_error_t status =
            hs_scan(body_->database.get(), text.data(), static_cast<unsigned>(text.size()), 0,
                    scratch.get(), note_match, &candidates);
        CHECK_EQ(status, HS_SUCCESS);
        body_->give_back(std::move(scratch));
    }
    std::ranges::sort(candidates);
    for (const unsigned id : candidates) {
        std::optional<std::string> family = body_->family_by(id, text);
        if (family.has_value()) return family;
    }
    return std::nullopt;
}

}  // namespace braid::operators
