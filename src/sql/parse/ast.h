// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sql/sql.h"

/// The parse tree: what libpg_query reads, reduced to what Braid binds. Built once by the reader,
/// then immutable. Places are byte offsets into the whole text, -1 when there is none.
namespace braid::sql {

struct Expression;
struct Select;
struct TableRef;
using ExpressionPtr = std::shared_ptr<const Expression>;
using SelectPtr = std::shared_ptr<const Select>;
using TableRefPtr = std::shared_ptr<const TableRef>;

/// A possibly qualified name, schema first.
using Name = std::vector<std::string>;

struct TypeName {
    Name names;
    std::vector<ExpressionPtr> modifiers;
    int array_dimensions = 0;
    bool is_setof = false;
    bool is_percent_type = false;
    int place = -1;
};

struct SortItem {
    enum class Direction : uint8_t { kDefault, kAscending, kDescending, kUsing };
    enum class Nulls : uint8_t { kDefault, kFirst, kLast };
    ExpressionPtr expr;
    Direction direction = Direction::kDefault;
    Nulls nulls = Nulls::kDefault;
};

/// OVER (…) or a named window.
struct WindowSpec {
    std::string name;       // of WINDOW name AS (…), or of OVER name
    std::string base_name;  // OVER (name …)
    std::vector<ExpressionPtr> partition_by;
    std::vector<SortItem> order_by;
    int frame_options = 0;  // bits of PostgreSQL's parsenodes.h
    ExpressionPtr start_offset;
    ExpressionPtr end_offset;
    int place = -1;
};

struct Expression {
    enum class Kind : uint8_t {
        kColumn,     // names; is_star: the last one is *
        kParameter,  // number
        kNull,       // constants: text holds the number or string as written
        kInteger,    // number
        kFloat,
        kString,
        kBoolean,      // flag
        kCast,         // arguments[0], type_name
        kCollate,      // arguments[0], names
        kOperator,     // names, arguments: one (prefix) or two
        kOperatorAny,  // left op ANY (array)
        kOperatorAll,
        kDistinct,  // IS [NOT] DISTINCT FROM: flag = NOT
        kNullIf,
        kIn,    // arguments[0] in the others; flag = NOT
        kLike,  // names, two arguments
        kSimilar,
        kBetween,  // three arguments; flag = NOT, is_symmetric
        kAnd,
        kOr,
        kNot,
        kCall,      // names, arguments, and what stands behind the parentheses
        kSubquery,  // subquery_kind, subquery; arguments[0] and names for ANY and ALL
        kCase,      // operand, arguments = when, then, when, then, …; otherwise
        kCoalesce,
        kGreatest,
        kLeast,
        kIsNull,       // flag = NOT
        kBooleanTest,  // test
        kRow,
        kArray,
        kSubscript,  // arguments[0] [arguments[1]]; one argument: a field or slice, text says which
        kSqlValue,   // text: "current_timestamp", …; number: precision or -1
        kDefault,    // DEFAULT in VALUES
        kGrouping,
        kUnsupported,  // text: what it is
    };
    enum class SubqueryKind : uint8_t { kScalar, kExists, kAny, kAll, kArray };
    enum class BooleanTest : uint8_t { kTrue, kNotTrue, kFalse, kNotFalse, kUnknown, kNotUnknown };

    Kind kind = Kind::kNull;
    int place = -1;
    bool flag = false;
    bool is_star = false;
    bool is_symmetric = false;
    bool is_distinct = false;  // f(DISTINCT x)
    bool is_within_group = false;
    bool is_variadic = false;
    bool is_sql_syntax = false;  // extract(a from b) and the like, not a plain call
    BooleanTest test = BooleanTest::kTrue;
    SubqueryKind subquery_kind = SubqueryKind::kScalar;
    int64_t number = 0;
    std::string text;
    Name names;
    std::vector<ExpressionPtr> arguments;
    ExpressionPtr operand;
    ExpressionPtr otherwise;
    SelectPtr subquery;
    std::shared_ptr<const TypeName> type_name;
    std::vector<SortItem> order_by;
    ExpressionPtr filter;
    std::shared_ptr<const WindowSpec> over;
    std::vector<int> when_places;  // of kCase
};

struct Target {
    std::string name;  // AS name, empty if none
    ExpressionPtr expr;
    int place = -1;
};

struct Alias {
    std::string name;
    std::vector<std::string> columns;
};

struct TableRef {
    enum class Kind : uint8_t { kRelation, kSubquery, kFunction, kJoin, kUnsupported };
    enum class Join : uint8_t { kInner, kLeft, kRight, kFull };

    Kind kind = Kind::kRelation;
    int place = -1;
    Name names;  // of a relation
    std::optional<Alias> alias;
    SelectPtr subquery;
    bool is_lateral = false;
    ExpressionPtr function;  // a kCall
    bool with_ordinality = false;
    Join join = Join::kInner;
    bool is_natural = false;
    TableRefPtr left;
    TableRefPtr right;
    std::vector<std::string> using_columns;
    ExpressionPtr on;
    std::string unsupported;
};

struct CommonTable {
    std::string name;
    std::vector<std::string> columns;
    SelectPtr query;
    std::string unsupported;  // not a SELECT, SEARCH, CYCLE
    int place = -1;
};

struct Select {
    enum class SetOperation : uint8_t { kNone, kUnion, kIntersect, kExcept };

    std::vector<CommonTable> with;
    bool is_recursive = false;
    bool is_distinct = false;
    std::vector<ExpressionPtr> distinct_on;
    std::vector<Target> targets;
    std::vector<TableRefPtr> from;
    ExpressionPtr where;
    std::vector<ExpressionPtr> group_by;
    bool group_distinct = false;
    ExpressionPtr having;
    std::vector<WindowSpec> windows;
    std::vector<std::vector<ExpressionPtr>> values;
    std::vector<SortItem> order_by;
    ExpressionPtr limit;
    ExpressionPtr offset;
    bool with_ties = false;
    bool has_into = false;
    bool has_locking = false;
    SetOperation operation = SetOperation::kNone;
    bool is_all = false;
    SelectPtr left;
    SelectPtr right;
};

/// name = value of a WITH list, of EXPLAIN (…) and of BEGIN.
struct Option {
    std::string space;  // before the dot
    std::string name;
    bool has_value = false;
    std::string value;
    int place = -1;
};

struct ColumnDefinition {
    std::string name;
    TypeName type;
    std::string constraint;  // the first one, by name; empty: none
    int place = -1;
};

struct CreateTableTree {
    Name name;
    int place = -1;
    std::vector<ColumnDefinition> columns;
    std::vector<Option> options;
    bool if_not_exists = false;
    std::string unsupported;
};

struct CreateViewTree {
    Name name;
    int place = -1;
    bool is_materialized = false;
    std::vector<std::string> columns;
    std::vector<Option> options;
    SelectPtr query;
    std::string definition;
    int definition_place = 0;
    bool if_not_exists = false;
    bool or_replace = false;
    bool with_no_data = false;
    std::string unsupported;
};

struct DropTree {
    ObjectKind kind = ObjectKind::kTable;
    std::vector<Name> names;
    bool if_exists = false;
    bool cascade = false;
};

struct InsertTree {
    Name name;
    int place = -1;
    std::vector<Target> columns;
    SelectPtr source;  // null: DEFAULT VALUES
    std::string unsupported;
};

/// `rows` is SELECT 1 FROM the relation WHERE what follows.
struct DeleteTree {
    Name name;
    int place = -1;
    SelectPtr rows;
    std::string unsupported;
};

struct RefreshTree {
    Name name;
    int place = -1;
    bool concurrently = false;
    bool with_no_data = false;
};

struct ExplainTree {
    std::vector<Option> options;
    std::shared_ptr<const StatementTree> inner;
};

struct SetTree {
    enum class Kind : uint8_t { kValue, kDefault, kReset, kResetAll };
    Kind kind = Kind::kValue;
    std::string name;
    std::vector<std::string> values;
    bool is_local = false;
};

struct ShowTree {
    std::string name;
};

struct TransactionTree {
    Transaction command;
    std::string unsupported;
};

struct PrepareTree {
    std::string name;
    std::vector<TypeName> types;
    Statement statement;
};

struct ExecuteTree {
    std::string name;
    std::vector<ExpressionPtr> arguments;
};

struct CallTree {
    Name name;
    std::vector<ExpressionPtr> arguments;
    int place = -1;
};

struct DeallocateTree {
    std::string name;
};

struct DiscardTree {
    Discard command;
};

struct UnsupportedTree {
    std::string what;
};

/// One statement. `source` is the whole text it came in.
struct StatementTree {
    std::shared_ptr<const std::string> source;
    std::variant<UnsupportedTree, SelectPtr, CreateTableTree, CreateViewTree, DropTree, InsertTree,
                 DeleteTree, RefreshTree, ExplainTree, SetTree, ShowTree, TransactionTree,
                 PrepareTree, ExecuteTree, CallTree, DeallocateTree, DiscardTree>
        body;
    /// Deepest nesting of expressions and queries.
    int depth = 0;
};

/// Where an expression begins, operands to the left of its own place included; what errors about
/// the whole expression point at.
int place_of(const Expression& expression);

/// 54001, PostgreSQL's words.
Error too_deep();

/// 1-based character position of a byte offset; 0 for place -1.
int position_of(std::string_view source, int place);

}  // namespace braid::sql
