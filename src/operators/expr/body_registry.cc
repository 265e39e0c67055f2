// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/body_registry.h"

#include <utility>

#include "base/mutex.h"
#include "operators/expr/body_internal.h"
#include "plan/cast.h"

namespace braid::operators {

namespace {

const BodyTable& built_in_bodies() {
    static const BodyTable* const table = [] {
        auto* made = new BodyTable();
        add_compare_bodies(*made);
        add_integer_bodies(*made);
        add_float_bodies(*made);
        add_numeric_bodies(*made);
        add_text_bodies(*made);
        add_text_slice_bodies(*made);
        add_text_format_bodies(*made);
        add_like_bodies(*made);
        add_regex_bodies(*made);
        add_similar_bodies(*made);
        add_time_bodies(*made);
        add_time_field_bodies(*made);
        add_time_bin_bodies(*made);
        add_to_char_bodies(*made);
        add_cast_bodies(*made);
        add_array_bodies(*made);
        add_enrich_bodies(*made);
        return made;
    }();
    return *table;
}

struct Registered {
    Mutex mutex;
    BodyMap bodies GUARDED_BY(mutex);
};

Registered& registered() {
    static Registered* const all = new Registered();
    return *all;
}

/// The key of the function with every alias replaced by its kind: oid compares as int8 does.
std::string plain_key(const plan::Function& function) {
    plan::Function plain = function;
    for (Type& type : plain.arguments) type = Type::of(type.kind);
    if (plain.name.starts_with("cast:")) {
        plain.name = "cast:" + std::string(plan::type_key(Type::of(function.result.kind)));
    }
    return plain.key();
}

Column relabel(Call& call) { return call.arguments[0].with_type(call.result); }

/// Text becomes any type through that type's input function; its own body reads the type from the
/// call.
bool is_text_input(const plan::Function& function) {
    return function.name.starts_with("cast:") && function.arguments.size() == 1 &&
           function.arguments[0].kind == TypeKind::kText;
}

bool is_relabel(const plan::Function& function) {
    if (!function.name.starts_with("cast:") || function.arguments.size() != 1) return false;
    const plan::Cast* cast = plan::find_cast(function.arguments[0], function.result);
    return cast != nullptr && cast->is_relabel;
}

const BodyTable::Entry* find_built_in(const std::string& key) {
    const auto& entries = built_in_bodies().entries();
    const auto found = entries.find(key);
    return found == entries.end() ? nullptr : &found->second;
}

}  // namespace

void register_body(std::string key, Body body) {
    Registered& all = registered();
    const ScopedLock lock(all.mutex);
    all.bodies[std::move(key)] = std::move(body);
}

const BodyTable::Entry* find_body(const plan::Function& function, const EvaluationContext& context,
                                  BodyTable::Entry& storage) {
    const std::string key = function.key();
    if (context.bodies != nullptr) {
        const auto own = context.bodies->find(key);
        if (own != context.bodies->end()) {
            storage = {own->second, {}};
            return &storage;
        }
    }
    {
        Registered& all = registered();
        const ScopedLock lock(all.mutex);
        const auto found = all.bodies.find(key);
        if (found != all.bodies.end()) {
            storage = {found->second, {}};
            return &storage;
        }
    }
    if (is_relabel(function)) {
        storage = {relabel, {.is_cheap = true}};
        return &storage;
    }
    if (const BodyTable::Entry* entry = find_built_in(key)) return entry;
    // What a catalog must answer is never guessed from the plain type.
    if (!function.allowed_in_views) return nullptr;
    if (is_text_input(function)) return find_built_in("cast:text-input");
    return find_built_in(plain_key(function));
}

bool has_body(const plan::Function& function) {
    BodyTable::Entry storage;
    return find_body(function, EvaluationContext{}, storage) != nullptr;
}

}  // namespace braid::operators
