// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

namespace braid::sql {

using JsonArray = std::vector<simdjson::dom::element>;

/// An object of libpg_query's JSON tree. Whatever has its default value is absent there, so
/// everything absent reads as zero, false or empty.
class JsonObject {
  public:
    JsonObject() = default;
    explicit JsonObject(simdjson::dom::object object) : object_(object), is_present_(true) {}

    bool is_present() const { return is_present_; }
    bool has(std::string_view key) const { return find(key).has_value(); }

    std::string text(std::string_view key) const {
        std::string_view value;
        const auto element = find(key);
        if (!element || element->get(value) != simdjson::SUCCESS) return {};
        return std::string(value);
    }
    int64_t number(std::string_view key) const {
        int64_t value = 0;
        const auto element = find(key);
        if (!element || element->get(value) != simdjson::SUCCESS) return 0;
        return value;
    }
    bool flag(std::string_view key) const {
        bool value = false;
        const auto element = find(key);
        return element && element->get(value) == simdjson::SUCCESS && value;
    }
    JsonObject object(std::string_view key) const {
        simdjson::dom::object value;
        const auto element = find(key);
        if (!element || element->get(value) != simdjson::SUCCESS) return {};
        return JsonObject(value);
    }
    /// Empty when absent.
    JsonArray array(std::string_view key) const {
        simdjson::dom::array value;
        const auto element = find(key);
        if (!element || element->get(value) != simdjson::SUCCESS) return {};
        return JsonArray(value.begin(), value.end());
    }
    bool has_items(std::string_view key) const { return !array(key).empty(); }
    int place() const { return static_cast<int>(number("location")); }

    std::optional<simdjson::dom::key_value_pair> first() const {
        if (!is_present_) return std::nullopt;
        for (const simdjson::dom::key_value_pair pair : object_) return pair;
        return std::nullopt;
    }

  private:
    std::optional<simdjson::dom::element> find(std::string_view key) const {
        simdjson::dom::element element;
        if (!is_present_ || object_.at_key(key).get(element) != simdjson::SUCCESS)
            return std::nullopt;
        return element;
    }

    simdjson::dom::object object_;
    bool is_present_ = false;
};

/// A node of the tree is written {"Kind": {…}}.
struct JsonNode {
    std::string_view kind;
    JsonObject body;

    static JsonNode of(const JsonObject& wrapper) {
        const auto pair = wrapper.first();
        simdjson::dom::object body;
        if (!pair || pair->value.get(body) != simdjson::SUCCESS) return {};
        return {pair->key, JsonObject(body)};
    }
    static JsonNode of(const simdjson::dom::element& element) {
        simdjson::dom::object object;
        if (element.get(object) != simdjson::SUCCESS) return {};
        return of(JsonObject(object));
    }
};

}  // namespace braid::sql
