// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <immintrin.h>

#include "operators/decode/json_reader_internal.h"
#include "operators/decode/json_template_internal.h"

namespace braid::operators {
namespace {

constexpr ptrdiff_t kBlock = sizeof(__m256i);

__m256i load(const char* at) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)); }

/// 0xFF for what ends a string or may not stand in it as it is, and for what is no ASCII.
__m256i stops(__m256i bytes) {
    // Compared as signed numbers, bytes above 0x7F are below space as well.
    const __m256i control = _mm256_cmpgt_epi8(_mm256_set1_epi8(' '), bytes);
    const __m256i quote = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"'));
    const __m256i slash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
    return _mm256_or_si256(control, _mm256_or_si256(quote, slash));
}

}  // namespace

JsonTemplate::JsonTemplate(const std::vector<Part>& parts, std::string_view tail) {
    Segment segment;
    uint32_t values = 0;
    start_segment(segment);
    for (const Part& part : parts) {
        add_text(segment, part.before);
        if (!part.is_steady) {
            segments_.push_back(segment);
            start_segment(segment);
            places_.push_back({false, false, values++, 0, 0});
            continue;
        }
        if (part.is_string) add_text(segment, "\"");
        const auto index = static_cast<uint32_t>(segments_.size());
        places_.push_back({true, part.is_string, index, segment.size, part.length});
        add_inside(segment, part.length);
        if (part.is_string) add_text(segment, "\"");
    }
    add_text(segment, tail);
    segments_.push_back(segment);
    // Room behind the last.
    start_segment(segment);
    starts_.resize(segments_.size());
    values_.resize(values);
}

void JsonTemplate::start_segment(Segment& segment) {
    for (std::vector<char>* bytes : {&texts_, &literals_, &insides_}) {
        bytes->insert(bytes->end(), kBlock, '\0');
    }
    segment.first = static_cast<uint32_t>(texts_.size());
    segment.size = 0;
}

void JsonTemplate::add_text(Segment& segment, std::string_view text) {
    texts_.insert(texts_.end(), text.begin(), text.end());
    literals_.insert(literals_.end(), text.size(), '\xFF');
    insides_.insert(insides_.end(), text.size(), '\0');
    segment.size += static_cast<uint32_t>(text.size());
}

void JsonTemplate::add_inside(Segment& segment, size_t bytes) {
    texts_.insert(texts_.end(), bytes, '\0');
    literals_.insert(literals_.end(), bytes, '\0');
    insides_.insert(insides_.end(), bytes, '\xFF');
    segment.size += static_cast<uint32_t>(bytes);
}

bool JsonTemplate::match(std::string_view record) {
    const char* const begin = record.data();
    const char* const end = begin + record.size();
    if (end - begin < kBlock) return false;
    const char* at = begin;
    uint32_t* start = starts_.data();
    Value* value = values_.data();
    const size_t last = segments_.size() - 1;
    for (size_t i = 0;; ++i) {
        const Segment& segment = segments_[i];
        if (end - at < static_cast<ptrdiff_t>(segment.size)) return false;
        if (!match_segment(segment, at, end)) return false;
        *start++ = static_cast<uint32_t>(at - begin);
        at += segment.size;
        if (i == last) return at == end;
        if (!find_value(begin, end, at, *value++)) return false;
    }
}

/// The segment lies before the end, and the record has at least one block. Never reads outside it.
inline bool JsonTemplate::match_segment(const Segment& segment, const char* at,
                                        const char* end) const {
    const char* text = texts_.data() + segment.first;
    const char* literal = literals_.data() + segment.first;
    const char* inside = insides_.data() + segment.first;
    const auto unlike = [&](ptrdiff_t from) {
        const __m256i bytes = load(at + from);
        const __m256i same = _mm256_cmpeq_epi8(bytes, load(text + from));
        return _mm256_or_si256(_mm256_andnot_si256(same, load(literal + from)),
                               _mm256_and_si256(stops(bytes), load(inside + from)));
    };
    const auto size = static_cast<ptrdiff_t>(segment.size);
    __m256i any;
    if (size < kBlock) {
        // What stands before or behind the segment does not count.
        any = unlike(std::min(ptrdiff_t{0}, end - at - kBlock));
    } else {
        any = unlike(size - kBlock);
        for (ptrdiff_t from = 0; from < size - kBlock; from += kBlock) {
            any = _mm256_or_si256(any, unlike(from));
        }
    }
    return _mm256_testz_si256(any, any) != 0;
}

/// Steps over the value at `at`, a string or not.
inline bool JsonTemplate::find_value(const char* begin, const char* end, const char*& at,
                                     Value& value) {
    if (at == end) return false;
    const char* from = at;
    if (*at != '"') {
        while (at < end && is_json_scalar_byte(*at)) ++at;
        value = {static_cast<uint32_t>(from - begin), static_cast<uint32_t>(at - from), false};
        return classify_scalar({from, at}) != JsonScalar::kNone;
    }
    ++from;
    at = find_quote(from, end);
    if (at == nullptr) return false;
    value = {static_cast<uint32_t>(from - begin), static_cast<uint32_t>(at - from), true};
    ++at;
    return true;
}

/// The first quote, if nothing unusual comes before it. The record has at least one block.
inline const char* JsonTemplate::find_quote(const char* at, const char* end) {
    for (; end - at >= kBlock; at += kBlock) {
        const auto marks = static_cast<uint32_t>(_mm256_movemask_epi8(stops(load(at))));
        if (marks == 0) continue;
        at += std::countr_zero(marks);
        return *at == '"' ? at : nullptr;
    }
    if (at == end) return nullptr;
    const char* from = end - kBlock;
    const auto marks = static_cast<uint32_t>(_mm256_movemask_epi8(stops(load(from))));
    const uint32_t left = marks >> (at - from);
    if (left == 0) return nullptr;
    at += std::countr_zero(left);
    return *at == '"' ? at : nullptr;
}

}  // namespace braid::operators
