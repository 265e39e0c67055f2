// SPDX-License-Identifier: Apache-2.0
#include "sql/bind/candidates.h"

#include <optional>
#include <utility>

#include "sql/bind/type_rules.h"

namespace braid::sql {
namespace {

using plan::CastContext;
using Types = std::vector<Type>;

struct Candidate {
    size_t index;
    Types types;
};

constexpr Type kInt4 = Type::of(TypeKind::kInt4);

bool is_exact(const Types& wanted, std::span<const Type> given) {
    for (size_t i = 0; i < given.size(); ++i) {
        if (!same_type(wanted[i], given[i]) || is_unknown(given[i])) return false;
    }
    return true;
}

std::optional<size_t> find_exact(const std::vector<Candidate>& candidates,
                                 std::span<const Type> given) {
    for (const Candidate& candidate : candidates) {
        if (is_exact(candidate.types, given)) return candidate.index;
    }
    return std::nullopt;
}

std::vector<Candidate> of_arity(std::span<const Signature> signatures, size_t count) {
    std::vector<Candidate> out;
    for (size_t i = 0; i < signatures.size(); ++i) {
        const size_t own = signatures[i].arguments.size();
        const bool fits = signatures[i].is_variadic ? count >= own : count == own;
        if (fits) out.push_back({i, expanded(signatures[i], count)});
    }
    return out;
}

void keep_coercible(std::vector<Candidate>& candidates, std::span<const Type> given) {
    std::erase_if(candidates, [&](const Candidate& candidate) {
        for (size_t i = 0; i < given.size(); ++i) {
            if (!can_coerce(given[i], candidate.types[i], CastContext::kImplicit)) return true;
        }
        return false;
    });
}

/// Keeps the candidates with the most arguments for which `counts` holds.
template <typename Counts>
void keep_best(std::vector<Candidate>& candidates, std::span<const Type> given, Counts counts) {
    std::vector<Candidate> kept;
    size_t best = 0;
    for (Candidate& candidate : candidates) {
        size_t score = 0;
        for (size_t i = 0; i < given.size(); ++i) {
            if (!is_unknown(given[i]) && counts(candidate.types[i], given[i])) ++score;
        }
        if (score > best || kept.empty()) {
            best = score;
            kept.clear();
        }
        if (score == best) kept.push_back(std::move(candidate));
    }
    candidates = std::move(kept);
}

/// The category that an unknown literal in this place should have: string if some candidate takes
/// one, else the one that all agree on.
std::optional<char> category_for_unknown(const std::vector<Candidate>& candidates, size_t place) {
    std::optional<char> category;
    bool conflict = false;
    for (const Candidate& candidate : candidates) {
        const char own = category_of(candidate.types[place]);
        if (own == 'S') return own;
        if (category && *category != own) conflict = true;
        category = own;
    }
    return conflict ? std::nullopt : category;
}

/// False if the unknown literals do not decide anything.
bool keep_by_category(std::vector<Candidate>& candidates, std::span<const Type> given) {
    std::vector<std::optional<char>> categories(given.size());
    std::vector<bool> has_preferred(given.size(), false);
    for (size_t i = 0; i < given.size(); ++i) {
        if (!is_unknown(given[i])) continue;
        categories[i] = category_for_unknown(candidates, i);
        if (!categories[i]) return false;
        for (const Candidate& candidate : candidates) {
            const Type& type = candidate.types[i];
            if (category_of(type) == *categories[i] && is_preferred(type)) has_preferred[i] = true;
        }
    }
    std::vector<Candidate> kept;
    for (const Candidate& candidate : candidates) {
        bool keep = true;
        for (size_t i = 0; i < given.size() && keep; ++i) {
            if (!is_unknown(given[i])) continue;
            const Type& type = candidate.types[i];
            keep = category_of(type) == *categories[i] && (!has_preferred[i] || is_preferred(type));
        }
        if (keep) kept.push_back(candidate);
    }
    if (!kept.empty()) candidates = std::move(kept);
    return true;
}

/// Last resort: if all known arguments have one type, take the unknown ones for it too.
Choice choose_by_known_type(const std::vector<Candidate>& candidates, std::span<const Type> given) {
    const Choice ambiguous{Choice::Outcome::kAmbiguous, 0};
    std::optional<Type> known;
    for (const Type& type : given) {
        if (is_unknown(type)) continue;
        if (known && !same_type(*known, type)) return ambiguous;
        known = type;
    }
    if (!known) return ambiguous;
    const Types assumed(given.size(), *known);
    std::vector<Candidate> left = candidates;
    keep_coercible(left, assumed);
    if (left.size() != 1) return ambiguous;
    return {Choice::Outcome::kFound, left[0].index};
}

Choice choose(std::vector<Candidate> candidates, std::span<const Type> given) {
    keep_coercible(candidates, given);
    if (candidates.empty()) return {};
    const auto found = [&] { return Choice{Choice::Outcome::kFound, candidates[0].index}; };
    if (candidates.size() == 1) return found();
    keep_best(candidates, given,
              [](const Type& wanted, const Type& have) { return same_type(wanted, have); });
    if (candidates.size() == 1) return found();
    keep_best(candidates, given, [](const Type& wanted, const Type& have) {
        return same_type(wanted, have) ||
               (category_of(wanted) == category_of(have) && is_preferred(wanted));
    });
    if (candidates.size() == 1) return found();
    bool has_unknown = false;
    for (const Type& type : given) has_unknown = has_unknown || is_unknown(type);
    if (!has_unknown) return {Choice::Outcome::kAmbiguous, 0};
    if (keep_by_category(candidates, given) && candidates.size() == 1) return found();
    return choose_by_known_type(candidates, given);
}

/// Few functions of the table take smallint; where none does, it counts as integer.
Types with_int4_for_int2(const std::vector<Candidate>& candidates, std::span<const Type> given) {
    Types out(given.begin(), given.end());
    for (size_t i = 0; i < out.size(); ++i) {
        if (out[i].alias != TypeAlias::kInt2) continue;
        bool is_taken = false;
        for (const Candidate& candidate : candidates) {
            is_taken = is_taken || candidate.types[i].alias == TypeAlias::kInt2;
        }
        if (!is_taken) out[i] = kInt4;
    }
    return out;
}

}  // namespace

std::vector<Type> expanded(const Signature& signature, size_t count) {
    std::vector<Type> out = signature.arguments;
    while (signature.is_variadic && out.size() < count) out.push_back(signature.arguments.back());
    return out;
}

Choice choose_function(std::span<const Signature> signatures, std::span<const Type> arguments) {
    std::vector<Candidate> candidates = of_arity(signatures, arguments.size());
    if (const auto exact = find_exact(candidates, arguments)) {
        return {Choice::Outcome::kFound, *exact};
    }
    const Types given = with_int4_for_int2(candidates, arguments);
    if (const auto exact = find_exact(candidates, given)) return {Choice::Outcome::kFound, *exact};
    return choose(std::move(candidates), given);
}

Choice choose_operator(std::span<const Signature> signatures, std::span<const Type> arguments) {
    std::vector<Candidate> candidates = of_arity(signatures, arguments.size());
    Types assumed(arguments.begin(), arguments.end());
    if (assumed.size() == 2) {
        if (is_unknown(assumed[0])) assumed[0] = assumed[1];
        if (is_unknown(assumed[1])) assumed[1] = assumed[0];
    }
    if (const auto exact = find_exact(candidates, assumed)) {
        return {Choice::Outcome::kFound, *exact};
    }
    if (const auto exact = find_exact(candidates, with_int4_for_int2(candidates, assumed))) {
        return {Choice::Outcome::kFound, *exact};
    }
    const Types given = with_int4_for_int2(candidates, arguments);
    return choose(std::move(candidates), given);
}

}  // namespace braid::sql
