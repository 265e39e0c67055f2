// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/functions/format_picture_internal.h"

#include "operators/expr/functions/utf8_internal.h"

namespace braid::operators {

namespace {

using View = std::string_view;

int find_keyword(View rest, std::span<const View> keywords) {
    int best = -1;
    size_t best_size = 0;
    for (size_t i = 0; i < keywords.size(); ++i) {
        if (keywords[i].size() <= best_size || !rest.starts_with(keywords[i])) continue;
        best = static_cast<int>(i);
        best_size = keywords[i].size();
    }
    return best;
}

void take_suffixes(View& rest, PictureItem& item) {
    while (true) {
        if (rest.starts_with("TH")) {
            item.ordinal_upper = true;
        } else if (rest.starts_with("th")) {
            item.ordinal_lower = true;
        } else if (!rest.starts_with("SP")) {
            return;
        }
        rest.remove_prefix(2);
    }
}

/// Reads "…" with its backslash escapes; a quote that never closes takes the rest.
std::string take_quoted(View& rest) {
    std::string out;
    rest.remove_prefix(1);
    while (!rest.empty()) {
        if (rest[0] == '"') {
            rest.remove_prefix(1);
            break;
        }
        if (rest[0] == '\\' && rest.size() > 1) rest.remove_prefix(1);
        out.append(utf8_first(rest));
        rest.remove_prefix(utf8_size(rest[0]));
    }
    return out;
}

}  // namespace

std::vector<PictureItem> parse_picture(std::string_view picture,
                                       std::span<const std::string_view> keywords,
                                       bool has_affixes) {
    std::vector<PictureItem> items;
    View rest = picture;
    while (!rest.empty()) {
        PictureItem item;
        if (has_affixes && (rest.starts_with("FM") || rest.starts_with("fm"))) {
            item.fill_mode = true;
            rest.remove_prefix(2);
        } else if (has_affixes && (rest.starts_with("TM") || rest.starts_with("tm"))) {
            item.is_localized = true;
            rest.remove_prefix(2);
        }
        if (rest.empty()) break;
        item.keyword = find_keyword(rest, keywords);
        if (item.keyword >= 0) {
            rest.remove_prefix(keywords[static_cast<size_t>(item.keyword)].size());
            if (has_affixes) take_suffixes(rest, item);
        } else if (rest[0] == '"') {
            item.literal = take_quoted(rest);
        } else {
            if (rest.starts_with("\\\"")) rest.remove_prefix(1);
            item.literal = utf8_first(rest);
            rest.remove_prefix(utf8_size(rest[0]));
        }
        items.push_back(std::move(item));
    }
    return items;
}

std::string_view ordinal_suffix(std::string_view digits) {
    const bool is_teen = digits.size() > 1 && digits[digits.size() - 2] == '1';
    if (is_teen || digits.empty()) return "th";
    switch (digits.back()) {
        case '1':
            return "st";
        case '2':
            return "nd";
        case '3':
            return "rd";
        default:
            return "th";
    }
}

}  // namespace braid::operators
