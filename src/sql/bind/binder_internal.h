// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "columnar/text_io.h"
#include "plan/cast.h"
#include "sql/bind/candidates.h"
#include "sql/bind/scope_internal.h"
#include "sql/bind/type_rules.h"
#include "sql/parse/ast.h"
#include "sql/sql.h"

namespace braid::sql {

using plan::CastContext;

/// A column that a query gives.
struct TargetColumn {
    std::string name;
    ExprPtr expr;  // over the row of its query, before it is finished
    int place = -1;
    bool is_junk = false;  // only for sorting
    Lineage lineage;
};

struct SortEntry {
    size_t target = 0;
    bool descending = false;
    bool nulls_first = false;
};

/// A plain SELECT between binding and planning.
struct SelectBlock {
    Scope scope;
    NodePtr from;
    ExprPtr where;
    std::vector<TargetColumn> targets;
    ExprPtr having;
    std::vector<ExprPtr> group_by;
    bool is_grouped = false;
    bool is_distinct = false;
    std::vector<size_t> distinct_on;
    std::vector<SortEntry> sort;
    ExprPtr limit;
    ExprPtr offset;
    /// FROM is one view, perhaps through plain derived tables, filtered on keys only: its states
    /// can be combined. `why_not` says what is in the way.
    bool keeps_states = false;
    bool states_reach = false;  // the same, for aggregates of this block itself
    std::string why_not;
};

/// A bound query: a plan, its columns, and whether a view's states shine through.
struct BoundQuery {
    NodePtr root;
    std::vector<Lineage> lineage;
    bool keeps_states = false;
    std::string why_not;
};

/// Binds one statement. Not for reuse, one thread. Its parts stand in several sources:
/// names.cc (what a name means), expressions.cc, operators.cc, functions.cc, aggregates.cc,
/// coerce.cc, from.cc, select.cc, order.cc, set_operation.cc, finish.cc (block -> plan nodes),
/// views.cc.
class Binder {
  public:
    Binder(const catalog::Catalog& catalog, const BindOptions& options,
           std::shared_ptr<const std::string> source);

    static Result<std::unique_ptr<Binder>> create(const catalog::Catalog& catalog,
                                                  const BindOptions& options,
                                                  std::shared_ptr<const std::string> source);

    Result<plan::Query> query(const Select& select);
    /// What a bound plan needs beside its nodes: types of parameters, relations read, warnings.
    plan::Query query_of(NodePtr root) const;
    Result<BoundQuery> bind_query(const Select& select, Scope* parent, bool is_border);
    Result<std::unique_ptr<SelectBlock>> bind_block(const Select& select, Scope* parent,
                                                    bool is_border);
    Result<BoundQuery> finish_query(SelectBlock& block);
    Result<NodePtr> finish(SelectBlock& block);

    Result<ExprPtr> expression(const ExpressionPtr& expression, Scope& scope);
    Result<ExprPtr> expression_in(const ExpressionPtr& expression, Scope& scope, Clause clause);
    Result<ExprPtr> coerce(ExprPtr expr, const Type& type, CastContext context);
    Result<ExprPtr> coerce_with_precision(ExprPtr expr, const Type& type, CastContext context,
                                          int position);
    Result<Type> resolve_type(const TypeName& name) const;
    /// A parameter whose type has become known since, with it; anything else as it is.
    ExprPtr up_to_date(const ExprPtr& expr) const;
    /// Unknown literals and parameters become text.
    Result<ExprPtr> settled(ExprPtr expr);

    int position(int place) const;
    Error at(Error error, int place) const;
    Error at(Error error, const Expr& literal) const;
    /// From here on no function is answered by the session: the definition of a view is bound.
    void forbid_session() { forbids_session_ = true; }
    const catalog::Catalog& catalog() const { return catalog_; }
    const BindOptions& options() const { return options_; }
    std::vector<std::string>& warnings() { return warnings_; }
    /// All parameters with the types they got; those without one are text.
    std::vector<Type> parameters() const;
    const std::vector<plan::RelationRef>& reads() const { return reads_; }
    const std::set<ObjectId>& plain_views_used() const { return plain_views_; }
    /// Gives parameters the types that were only found after they were first seen.
    NodePtr with_parameter_types(const NodePtr& node) const;
    ExprPtr with_parameter_types(const ExprPtr& expr) const;
    Result<plan::ViewPlanPtr> plan_of(const catalog::MaterializedView& view) const;

  private:
    class Deeper;

    // names.cc
    Result<ExprPtr> column(const Expression& expression, Scope& scope);
    Result<ExprPtr> bare_column(const Expression& expression, Scope& scope);
    Result<ExprPtr> qualified_column(const Expression& expression, Scope& scope);
    Error no_such_column(const Expression& expression, const Scope& scope) const;
    Error no_such_relation_in_from(const Expression& expression, const Scope& scope) const;

    // expressions.cc
    Result<ExprPtr> any_expression(const Expression& expression, Scope& scope);
    Result<ExprPtr> less_common(const Expression& expression, Scope& scope);
    Result<ExprPtr> literal(const Expression& expression);
    Result<ExprPtr> parameter(const Expression& expression, const Scope& scope);
    Result<ExprPtr> cast(const Expression& expression, Scope& scope);
    Result<ExprPtr> name_of_object(const Expression& expression, Scope& scope);
    Result<ExprPtr> collate(const Expression& expression, Scope& scope);
    Result<ExprPtr> logic(const Expression& expression, Scope& scope);
    Result<ExprPtr> case_when(const Expression& expression, Scope& scope);
    Result<ExprPtr> list_form(const Expression& expression, Scope& scope);
    Result<ExprPtr> boolean_test(const Expression& expression, Scope& scope);
    Result<ExprPtr> null_test(const Expression& expression, Scope& scope);
    Result<ExprPtr> sql_value(const Expression& expression);
    Result<ExprPtr> subquery(const Expression& expression, Scope& scope);
    Result<ExprPtr> quantified(const Expression& expression, Scope& scope, BoundQuery query);
    Result<ExprPtr> compared_with_rows(const plan::Function* function, ExprPtr left, NodePtr rows,
                                       bool is_all, int place);
    Result<ExprPtr> array(const Expression& expression, Scope& scope);
    Result<ExprPtr> subscript(const Expression& expression, Scope& scope);
    Result<ExprPtr> boolean(const ExpressionPtr& expression, Scope& scope, std::string_view what);
    Result<ExprPtr> as_boolean(ExprPtr expr, int place, std::string_view what);
    Result<std::vector<ExprPtr>> expressions(std::span<const ExpressionPtr> list, Scope& scope);
    /// Brings all to their common type; `what` as in "CASE types integer and text cannot be
    /// matched".
    Result<Type> unify(std::vector<ExprPtr>& exprs, std::span<const int> places,
                       std::string_view what);

    // operators.cc
    Result<ExprPtr> operation(const Expression& expression, Scope& scope);
    Result<ExprPtr> apply_operator(const Name& name, std::vector<ExprPtr> operands, int place);
    Result<std::optional<ExprPtr>> operator_on_arrays(const Name& name,
                                                      const std::vector<ExprPtr>& operands,
                                                      int place);
    Result<const plan::Function*> resolve_operator(const Name& name, std::span<const Type> types,
                                                   int place);
    Result<ExprPtr> distinct_from(const Expression& expression, Scope& scope);
    Result<ExprPtr> null_if(const Expression& expression, Scope& scope);
    Result<ExprPtr> in_list(const Expression& expression, Scope& scope);
    Result<ExprPtr> between(const Expression& expression, Scope& scope);
    Result<ExprPtr> row_comparison(const Expression& expression, Scope& scope);
    Result<ExprPtr> compare_rows(const Expression& left, const Expression& right, bool is_equal,
                                 int place, Scope& scope);
    Result<ExprPtr> array_operation(const Expression& expression, Scope& scope);
    Result<ExprPtr> over_elements(const Expression& expression, ExprPtr left,
                                  std::vector<ExprPtr> elements);
    Result<std::vector<ExprPtr>> elements_of_literal(const std::string& literal, int place);
    Result<ExprPtr> over_array(const Expression& expression, ExprPtr left, ExprPtr array);
    Result<ExprPtr> over_array_text(const Expression& expression, ExprPtr left, ExprPtr array);
    Result<std::optional<std::vector<ExprPtr>>> array_elements(const Expression& array,
                                                               Scope& scope);

    // functions.cc
    Result<ExprPtr> function_call(const Expression& expression, Scope& scope);
    Result<ExprPtr> scalar_call(const Expression& expression, const std::string& name,
                                std::vector<ExprPtr> arguments);
    Result<std::optional<ExprPtr>> sql_function(const std::string& name,
                                                const std::vector<ExprPtr>& arguments);
    Result<std::optional<ExprPtr>> call_on_texts(const Expression& expression,
                                                 const std::string& name,
                                                 std::vector<ExprPtr> arguments);
    Result<std::optional<ExprPtr>> special_call(const Expression& expression,
                                                const std::string& name,
                                                const std::vector<ExprPtr>& arguments);
    Result<std::string> function_name(const Expression& expression) const;
    Error no_such_function(const Expression& expression, std::span<const Type> types) const;
    Result<ExprPtr> bind_body(const SqlFunction& function);
    Result<void> check_plain_call(const Expression& expression, const std::string& name) const;

    // aggregates.cc
    Result<ExprPtr> aggregate_call(const Expression& expression, const std::string& name,
                                   Scope& scope);
    Result<ExprPtr> window_call(const Expression& expression, const std::string& name,
                                Scope& scope);
    Result<plan::AggregateCall> bind_aggregate(const Expression& expression,
                                               const std::string& name, Scope& scope);
    Result<void> check_aggregate_place(const Expression& expression, const Scope& scope) const;
    Result<int> aggregate_level(const plan::AggregateCall& call) const;
    Result<void> check_aggregate_arguments(const Expression& expression,
                                           const plan::AggregateCall& call) const;
    Result<void> take_ordered_argument(const Expression& expression,
                                       plan::AggregateCall& call) const;
    Result<void> resolve_aggregate(const Expression& expression, plan::AggregateCall& call);
    Result<void> resolve_window(const Expression& expression, plan::WindowCall& call);
    Result<void> bind_window_spec(const WindowSpec& spec, plan::WindowCall& call, Scope& scope);
    Result<void> bind_window_call(const Expression& expression, const std::string& name,
                                  plan::WindowCall& call, Scope& scope);
    Result<void> bind_base_window(const WindowSpec& base, plan::WindowCall& call, Scope& scope,
                                  int nesting);
    Result<std::string> frame_offset(const WindowSpec& spec, const ExpressionPtr& value,
                                     std::string_view mode) const;
    Result<std::string> frame_of(const WindowSpec& spec, const plan::WindowCall& call) const;
    Result<std::vector<plan::SortKey>> sort_keys(std::span<const SortItem> items, Scope& scope,
                                                 Clause clause);
    void warn_about_sum(const plan::AggregateCall& call, const Scope& scope);

    // coerce.cc
    Result<ExprPtr> read_literal(const Expr& literal, const Type& type);
    Result<ExprPtr> read_reference(const Expr& literal, const Type& type);
    Result<ExprPtr> settle_parameter(const Expr& parameter, const Type& type);
    Result<Type> with_modifiers(const Type& type, std::span<const int64_t> modifiers,
                                int place) const;
    Result<std::optional<ExprPtr>> interval_with_field(const Expression& expression);

    // from.cc, joins.cc, table_functions.cc
    struct FromItem {
        NodePtr node;
        size_t base = 0;  // where its columns begin in the row
        std::vector<ScopeRelation> relations;
        bool is_lateral = false;
        bool keeps_states = false;
        std::string why_not;
    };
    Result<void> bind_from(const Select& select, SelectBlock& block);
    Result<void> check_names(std::span<const ScopeRelation> left,
                             std::span<const ScopeRelation> right) const;
    Result<FromItem> from_item(const TableRef& ref, Scope& scope, bool has_left);
    Result<FromItem> from_relation(const TableRef& ref, Scope& scope);
    Result<FromItem> from_stream(const catalog::Table& table, const TableRef& ref, Scope& scope);
    Result<FromItem> from_view(const catalog::MaterializedView& view, const TableRef& ref,
                               Scope& scope);
    Result<FromItem> from_plain_view(const catalog::PlainView& view, const TableRef& ref,
                                     Scope& scope);
    Result<FromItem> from_query(BoundQuery query, const Schema& columns, const TableRef& ref,
                                const std::string& name, Scope& scope);
    Result<FromItem> from_common_table(CommonTableScope& table, const TableRef& ref, Scope& scope);
    Result<FromItem> from_system(const std::string& schema, const Schema& columns,
                                 const TableRef& ref, Scope& scope);
    Result<FromItem> from_subquery(const TableRef& ref, Scope& scope, bool has_left);
    Result<FromItem> scan(plan::RelationRef relation, const Schema& columns, size_t hidden_from,
                          const TableRef& ref, Scope& scope, std::vector<Lineage> lineage);
    Result<void> add_relation(ScopeRelation relation, const Schema& columns, size_t hidden_from,
                              const TableRef& ref, Scope& scope, std::vector<Lineage> lineage,
                              FromItem& item) const;
    void note_read(const plan::RelationRef& relation);
    CommonTableScope* find_common_table(const Name& name, Scope& scope) const;
    Error no_such_relation(const TableRef& ref, const Scope& scope) const;
    Result<FromItem> from_join(const TableRef& ref, Scope& scope);
    Result<FromItem> join_items(const TableRef& ref, FromItem left, FromItem right, Scope& scope);
    Result<ExprPtr> join_condition(const TableRef& ref, const std::vector<ScopeRelation>& relations,
                                   Scope& scope);
    Result<ExprPtr> merge_using(const TableRef& ref, const std::vector<std::string>& names,
                                const std::vector<ScopeRelation>& left,
                                const std::vector<ScopeRelation>& right, ScopeRelation& merged);
    Result<void> alias_join(const TableRef& ref, FromItem& item) const;
    Result<FromItem> cross(FromItem left, FromItem right, const Scope& scope);
    Result<NodePtr> lateral_side(const FromItem& right, size_t base, const Scope& scope) const;
    Result<FromItem> from_function(const TableRef& ref, Scope& scope, bool has_left);
    Result<Node> function_node(const Expression& call, Scope& scope);
    Result<Node> scalar_node(const Expression& call, const std::string& name, Scope& scope);
    Result<Node> series_node(const Expression& call, Scope& scope);
    Result<Node> unnest_node(const Expression& call, Scope& scope);

    // select.cc
    struct WithBody {
        NodePtr node;
        bool is_recursive = false;
    };
    Result<BoundQuery> bind_query_here(const Select& select, Scope* parent, bool is_border);
    Result<BoundQuery> bind_body(const Select& select, Scope* parent, bool is_border);
    Result<void> bind_values(const Select& select, SelectBlock& block);
    Result<void> bind_targets(const Select& select, SelectBlock& block);
    Result<void> expand_star(const Expression& star, int place, SelectBlock& block);
    Result<void> bind_with(const Select& select, Scope& scope, std::vector<WithBody>& bodies);
    Result<NodePtr> bind_recursive(const CommonTable& table, CommonTableScope& entry, Scope& scope);
    Result<Schema> columns_of(const CommonTable& table, const Schema& output) const;
    Result<NodePtr> cast_columns(NodePtr node, const Schema& wanted);
    Result<void> check_select(const Select& select) const;
    void judge_states(SelectBlock& block) const;

    // order.cc
    Result<void> bind_order_by(const Select& select, SelectBlock& block);
    Result<void> bind_group_by(const Select& select, SelectBlock& block);
    Result<void> bind_distinct(const Select& select, SelectBlock& block);
    Result<ExprPtr> bind_limit(const ExpressionPtr& limit, Scope& scope, Clause clause);
    Result<size_t> sort_target(const ExpressionPtr& expression, SelectBlock& block, Clause clause);
    Result<std::optional<size_t>> target_by_name_or_ordinal(const Expression& expression,
                                                            SelectBlock& block, Clause clause);
    Result<void> check_sortable(const Type& type, int place) const;
    Result<void> check_groupable(const Type& type, int place) const;
    Result<void> check_group_key(const ExprPtr& key) const;

    // set_operation.cc
    /// One side: a block that is not finished yet, so that its unknown literals can take the common
    /// type, or a plan.
    struct Arm {
        std::unique_ptr<SelectBlock> block;
        NodePtr node;
        int place = -1;
        std::vector<Type> types() const;
        std::vector<std::string> names() const;
        int place_of_column(size_t column) const;
    };
    Result<BoundQuery> bind_set_operation(const Select& select, Scope* parent, bool is_border);
    Result<Arm> bind_arm(const Select& select, Scope* parent, bool is_border);
    Result<Arm> bind_arms(const Select& select, Scope* parent, bool is_border);
    Result<Arm> bind_arms_here(const Select& select, Scope* parent, bool is_border);
    Result<NodePtr> finish_arm(Arm& arm, std::span<const Type> types);
    Result<NodePtr> sort_set_operation(const Select& select, NodePtr node, Scope& scope);
    NodePtr without_identity_project(const NodePtr& node, const NodePtr& input) const;

    // finish.cc
    Result<NodePtr> finish_aggregation(SelectBlock& block, NodePtr input);
    NodePtr finish_windows(SelectBlock& block, NodePtr input) const;
    Result<NodePtr> finish_output(SelectBlock& block, NodePtr input) const;
    Result<ExprPtr> after_grouping(const ExprPtr& expr, const SelectBlock& block) const;
    Result<NodePtr> subquery_after_grouping(const NodePtr& node, const SelectBlock& block) const;
    Result<void> check_combine(const plan::AggregateCall& call, const SelectBlock& block) const;
    Error ungrouped(const Expr& expr, const SelectBlock& block, bool in_subquery) const;

    const catalog::Catalog& catalog_;
    const BindOptions& options_;
    std::shared_ptr<const std::string> source_;
    bool has_positions_ = true;  // false within the text of a stored view
    TextFormat format_;
    std::vector<Type> parameter_types_;
    std::vector<std::string> warnings_;
    std::vector<plan::RelationRef> reads_;
    std::set<ObjectId> plain_views_;
    std::vector<int> continuation_bytes_;  // places of UTF-8 bytes that begin no character
    int depth_ = 0;
    int view_depth_ = 0;
    int views_expanded_ = 0;
    int next_cte_ = 1;
    bool forbids_session_ = false;
    /// FROM items that the next query must not see, for its hints.
    const Scope* sideways_ = nullptr;
    /// Types of the arguments of the SQL function whose body is being bound.
    const std::vector<Type>* body_arguments_ = nullptr;
};

/// The same expression under another name of its type.
ExprPtr relabelled(const ExprPtr& expr, const Type& type);

/// The name of a column without AS, by PostgreSQL's rules ("?column?", the function's name, …).
std::string column_name_of(const Expression& expression);

/// The plan without projections that only rename.
NodePtr simplified(const NodePtr& root);
/// The plan without columns that nobody reads.
NodePtr pruned(const NodePtr& root);

/// Where the first column of a query stands in the text.
int first_place(const Select& select);
/// The query reads a relation of this unqualified name somewhere.
bool mentions(const Select& select, const std::string& name);

/// "nearly": candidates for 'Perhaps you meant…'.
int edit_distance(std::string_view left, std::string_view right, int most);

/// An aggregate or window function that SELECT knows, by lower-case name.
bool is_aggregate_name(std::string_view name);
bool is_window_name(std::string_view name);
/// Functions of PostgreSQL that Braid does not have: refused by name instead of "does not exist".
bool is_missing_function(std::string_view name);
/// A short reason why a table function stands in the wrong place, or whether it is one.
bool is_table_function(std::string_view name);

}  // namespace braid::sql
