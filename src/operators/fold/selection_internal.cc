// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/selection_internal.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace braid::operators {

int KeyNodes::add(std::span<const int> exprs) {
    CHECK(!exprs.empty());
    int node = -1;
    for (const int expr : exprs) {
        const int leaf = add_node({expr, -1, -1, 0});
        node = node < 0 ? leaf : join(node, leaf);
    }
    return node;
}

int KeyNodes::add_node(KeyNode wanted) {
    const auto found = std::ranges::find_if(nodes_, [&](const KeyNode& node) {
        return node.expr == wanted.expr && node.left == wanted.left && node.right == wanted.right;
    });
    if (found != nodes_.end()) return static_cast<int>(found - nodes_.begin());
    nodes_.push_back(wanted);
    return static_cast<int>(nodes_.size()) - 1;
}

std::vector<int> KeyNodes::exprs_of(int node) const {
    const KeyNode& of = (*this)[node];
    if (of.expr >= 0) return {of.expr};
    std::vector<int> exprs = exprs_of(of.left);
    const std::vector<int> right = exprs_of(of.right);
    exprs.insert(exprs.end(), right.begin(), right.end());
    return exprs;
}

void Selection::start(std::span<const Evaluated> values, const KeyNodes& nodes,
                      RowNumberer& numberer) {
    values_ = values;
    nodes_ = &nodes;
    numberer_ = &numberer;
    filtered = 0;
    known_.resize(nodes.size());
    for (Known& known : known_) {
        known.state = State::kUnknown;
        known.is_encoded = false;
    }
    columns_.clear();
    columns_.resize(values.size());
    has_column_.assign(values.size(), false);
}

const Column& Selection::column(int expr) {
    const auto index = static_cast<size_t>(expr);
    if (!has_column_[index]) {
        const Column& all = values_[index].column;
        columns_[index] = rows.size() == all.length() ? all : all.gather(rows);
        has_column_[index] = true;
    }
    return columns_[index];
}

const RowNumbers& Selection::numbers(int node) {
    return known_[static_cast<size_t>(number_node(node))].numbers;
}

int Selection::number_node(int node) {
    Known& known = known_[static_cast<size_t>(node)];
    if (known.state == State::kKnown) return node;
    if (known.state == State::kSame) return known.same_as;
    const KeyNode& of = (*nodes_)[node];
    const auto same_as = [&](int other) {
        known.state = State::kSame;
        known.same_as = other;
        return other;
    };
    if (of.expr >= 0) {
        numberer_->number(values_[static_cast<size_t>(of.expr)].column, rows, known.numbers);
        // Windows of several widths often tell the rows of a slice apart in the same way.
        for (size_t other = 0; other < known_.size(); ++other) {
            if (known_[other].state != State::kKnown) continue;
            if (known_[other].numbers.count() != known.numbers.count()) continue;
            if (known_[other].numbers.of_row != known.numbers.of_row) continue;
            return same_as(static_cast<int>(other));
        }
    } else {
        const int left = number_node(of.left);
        const int right = number_node(of.right);
        for (size_t other = 0; other < known_.size(); ++other) {
            const KeyNode& pair = (*nodes_)[static_cast<int>(other)];
            if (known_[other].state != State::kKnown || pair.expr >= 0) continue;
            if (number_node(pair.left) != left || number_node(pair.right) != right) continue;
            return same_as(static_cast<int>(other));
        }
        numberer_->combine(known_[static_cast<size_t>(left)].numbers,
                           known_[static_cast<size_t>(right)].numbers, known.numbers);
    }
    known.state = State::kKnown;
    return node;
}

const EncodedKeys& Selection::encoded(int node) {
    Known& known = known_[static_cast<size_t>(node)];
    if (known.is_encoded) return known.keys;
    first_rows_.clear();
    for (const uint32_t place : numbers(node).firsts) first_rows_.push_back(rows[place]);
    std::vector<Column> columns;
    for (const int expr : nodes_->exprs_of(node)) {
        columns.push_back(values_[static_cast<size_t>(expr)].column);
    }
    encode_keys(columns, first_rows_, known.keys);
    pad_part(known.keys);
    known.is_encoded = true;
    return known.keys;
}

void pad_part(EncodedKeys& keys) { keys.bytes.append(kPartSlack, '\0'); }

void join_keys(std::span<const KeyPart> parts, size_t count, EncodedKeys& out) {
    const auto bytes_of = [](const KeyPart& part, size_t i) {
        const size_t at = part.at(i);
        const size_t from = at == 0 ? 0 : part.keys->ends[at - 1];
        return std::string_view(part.keys->bytes.data() + from, part.keys->ends[at] - from);
    };
    out.ends.assign(count, 0);
    for (const KeyPart& part : parts) {
        for (size_t i = 0; i < count; ++i) {
            out.ends[i] += static_cast<uint32_t>(bytes_of(part, i).size());
        }
    }
    uint64_t total = 0;
    for (uint32_t& end : out.ends) {
        total += end;
        end = static_cast<uint32_t>(total);
    }
    CHECK_LE(total, uint64_t{UINT32_MAX});
    // Whole steps are copied; what they write too much the next part or nobody reads.
    out.bytes.resize_and_overwrite(total + kPartSlack, [&](char* bytes, size_t) {
        char* to = bytes;
        for (size_t i = 0; i < count; ++i) {
            for (const KeyPart& part : parts) {
                const std::string_view from = bytes_of(part, i);
                for (size_t at = 0; at < from.size(); at += kPartSlack) {
                    std::memcpy(to + at, from.data() + at, kPartSlack);
                }
                to += from.size();
            }
        }
        return total;
    });
}

}  // namespace braid::operators
