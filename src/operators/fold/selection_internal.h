// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "columnar/column.h"
#include "columnar/key_codec.h"
#include "operators/expr/evaluator.h"
#include "operators/fold/row_numbers_internal.h"

namespace braid::operators {

/// Key columns of some views of one stream, one or several together. Views that group by the same
/// columns in several windows share all nodes but their window's and the whole.
struct KeyNode {
    int expr = -1;  // one column, or
    int left = -1;  // what these two nodes hold, in this order
    int right = -1;
    int views = 0;  // how many have it as a part of their key
};

/// The nodes of a group of views, each after those that it consists of.
class KeyNodes {
  public:
    /// The node that holds these expressions in this order.
    int add(std::span<const int> exprs);
    int join(int left, int right) { return add_node({-1, left, right, 0}); }
    void count_view(int node) { ++nodes_[static_cast<size_t>(node)].views; }
    bool is_shared(int node) const { return nodes_[static_cast<size_t>(node)].views > 1; }

    const KeyNode& operator[](int node) const { return nodes_[static_cast<size_t>(node)]; }
    size_t size() const { return nodes_.size(); }
    std::vector<int> exprs_of(int node) const;

  private:
    int add_node(KeyNode wanted);

    std::vector<KeyNode> nodes_;
};

/// The rows of a slice that a view counts, and what has been computed for them: all views with the
/// same filter share it. `rows` index the evaluated values.
class Selection {
  public:
    /// Everything computed is forgotten; `rows` are to be chosen anew.
    void start(std::span<const Evaluated> values, const KeyNodes& nodes, RowNumberer& numberer);

    std::vector<uint32_t> rows;
    uint64_t filtered = 0;

    /// The values in the rows.
    const Column& column(int expr);
    /// The rows numbered by the node's values.
    const RowNumbers& numbers(int node);
    /// The node's part of a key, by number.
    const EncodedKeys& encoded(int node);

  private:
    enum class State : uint8_t { kUnknown, kKnown, kSame };
    struct Known {
        State state = State::kUnknown;
        int same_as = -1;  // a known node with equal numbers
        bool is_encoded = false;
        RowNumbers numbers;
        EncodedKeys keys;
    };

    /// The node whose numbers stand for this one's.
    int number_node(int node);

    std::span<const Evaluated> values_;
    const KeyNodes* nodes_ = nullptr;
    RowNumberer* numberer_ = nullptr;
    std::vector<Known> known_;  // by node
    std::vector<Column> columns_;
    std::vector<bool> has_column_;
    std::vector<uint32_t> first_rows_;
};

/// Part of each key: of key i the one numbered numbers[places[i]]; without places, numbers[i];
/// without numbers, i.
struct KeyPart {
    const EncodedKeys* keys = nullptr;
    const uint32_t* numbers = nullptr;
    const uint32_t* places = nullptr;

    size_t at(size_t i) const {
        const size_t place = places == nullptr ? i : places[i];
        return numbers == nullptr ? i : numbers[place];
    }
};
/// Keys put together from their parts. The bytes of each part have kPartSlack readable bytes behind
/// them (pad_part).
void join_keys(std::span<const KeyPart> parts, size_t count, EncodedKeys& out);
inline constexpr size_t kPartSlack = 32;
void pad_part(EncodedKeys& keys);

}  // namespace braid::operators
