// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/big_stack.h"
#include "base/error_makers.h"
#include "sql/bind/commands_internal.h"

// bind(): each kind of statement to its binder.

namespace braid::sql {
namespace {

/// Up to this nesting any thread's stack is enough.
constexpr int kShallowDepth = 40;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

bool is_on(const Option& option) {
    const std::string value = lower(option.value);
    return !option.has_value || (value != "off" && value != "false" && value != "0");
}

class StatementBinder {
  public:
    StatementBinder(const StatementTree& tree, Binder& binder, BoundStatement& out)
        : tree_(tree), binder_(binder), out_(out) {}

    Result<Command> run() { return std::visit(*this, tree_.body); }

    Result<Command> operator()(const UnsupportedTree& tree) {
        return unsupported("{} is not supported", tree.what);
    }
    Result<Command> operator()(const SelectPtr& select) {
        return Command(TRY(binder_.query(*select)));
    }
    Result<Command> operator()(const CreateTableTree& tree) {
        return Command(TRY(bind_create_table(tree, binder_, out_)));
    }
    Result<Command> operator()(const CreateViewTree& tree) {
        if (!tree.is_materialized) return Command(TRY(bind_create_view(tree, binder_)));
        return Command(TRY(bind_create_materialized_view(tree, binder_, out_)));
    }
    Result<Command> operator()(const DropTree& tree) {
        return Command(TRY(bind_drop(tree, binder_, out_)));
    }
    Result<Command> operator()(const InsertTree& tree) {
        return Command(TRY(bind_insert(tree, binder_)));
    }
    Result<Command> operator()(const DeleteTree& tree) {
        return Command(TRY(bind_delete(tree, binder_)));
    }
    Result<Command> operator()(const RefreshTree& tree) {
        return Command(TRY(bind_refresh(tree, binder_)));
    }
    Result<Command> operator()(const ExplainTree& tree);
    Result<Command> operator()(const SetTree& tree) {
        const std::string name = lower(tree.name);
        if (tree.kind == SetTree::Kind::kReset) return Command(Reset{name});
        if (tree.kind == SetTree::Kind::kResetAll) return Command(Reset{"all"});
        return Command(Set{name, tree.values, tree.is_local, tree.kind == SetTree::Kind::kDefault});
    }
    Result<Command> operator()(const ShowTree& tree) { return Command(Show{lower(tree.name)}); }
    Result<Command> operator()(const TransactionTree& tree) {
        if (!tree.unsupported.empty()) return unsupported("{} is not supported", tree.unsupported);
        return Command(tree.command);
    }
    Result<Command> operator()(const PrepareTree& tree) {
        Prepare command;
        command.name = tree.name;
        command.statement = tree.statement;
        for (const TypeName& type : tree.types) {
            command.parameter_types.push_back(TRY(binder_.resolve_type(type)));
        }
        return Command(std::move(command));
    }
    Result<Command> operator()(const ExecuteTree& tree) {
        Execute command;
        command.name = tree.name;
        Scope scope;
        scope.clause = Clause::kExecute;
        for (const ExpressionPtr& argument : tree.arguments) {
            command.arguments.push_back(TRY(binder_.expression(argument, scope)));
        }
        return Command(std::move(command));
    }
    Result<Command> operator()(const CallTree& tree) {
        return Command(TRY(bind_call(tree, binder_)));
    }
    Result<Command> operator()(const DeallocateTree& tree) {
        return Command(Deallocate{tree.name});
    }
    Result<Command> operator()(const DiscardTree& tree) { return Command(tree.command); }

  private:
    const StatementTree& tree_;
    Binder& binder_;
    BoundStatement& out_;
};

Result<Command> StatementBinder::operator()(const ExplainTree& tree) {
    Explain command;
    for (const Option& option : tree.options) {
        const std::string name = lower(option.name);
        const std::string value = lower(option.value);
        if (name == "analyze") {
            command.analyze = is_on(option);
        } else if (name == "format") {
            if (value != "text" && value != "json") {
                const bool is_known = value == "xml" || value == "yaml";
                Error error = is_known ? unsupported("EXPLAIN in format {} is not supported", value)
                                       : invalid_input(
                                             "unrecognized value for EXPLAIN option \"format\": "
                                             "\"{}\"",
                                             option.value)
                                             .with_sqlstate("22023");
                return binder_.at(std::move(error), option.place);
            }
            command.format = value == "json" ? Explain::Format::kJson : Explain::Format::kText;
        } else if (name != "verbose" && name != "costs" && name != "settings" &&
                   name != "buffers" && name != "wal" && name != "timing" && name != "summary") {
            return binder_.at(invalid_input("unrecognized EXPLAIN option \"{}\"", option.name)
                                  .with_sqlstate("42601"),
                              option.place);
        }
    }
    const bool is_query = std::holds_alternative<SelectPtr>(tree.inner->body) ||
                          std::holds_alternative<InsertTree>(tree.inner->body);
    if (!is_query) return unsupported("EXPLAIN of this statement is not supported");
    auto inner = std::make_shared<BoundStatement>();
    inner->command = TRY(StatementBinder(*tree.inner, binder_, *inner).run());
    inner->tag = std::holds_alternative<SelectPtr>(tree.inner->body) ? "SELECT" : "INSERT";
    command.inner = std::move(inner);
    return Command(std::move(command));
}

Result<BoundStatement> bind_here(const Statement& statement, const catalog::Catalog& catalog,
                                 const BindOptions& options) {
    std::unique_ptr<Binder> binder = TRY(Binder::create(catalog, options, statement.tree->source));
    BoundStatement out;
    out.tag = statement.tag;
    out.command = TRY(StatementBinder(*statement.tree, *binder, out).run());
    return out;
}

}  // namespace

Result<BoundStatement> bind(const Statement& statement, const catalog::Catalog& catalog,
                            const BindOptions& options) {
    if (statement.tree->depth <= kShallowDepth) return bind_here(statement, catalog, options);
    std::optional<Result<BoundStatement>> out;
    if (!run_on_big_stack([&] { out = bind_here(statement, catalog, options); })) {
        return exhausted("no thread for binding a statement");
    }
    return std::move(*out);
}

Result<plan::ViewPlanPtr> bind_view(const catalog::Catalog& catalog,
                                    const catalog::ViewVersion& version, TableId table) {
    const std::vector<Statement> parsed = TRY(parse(version.definition));
    const SelectPtr* select =
        parsed.size() == 1 ? std::get_if<SelectPtr>(&parsed[0].tree->body) : nullptr;
    if (select == nullptr)
        return corrupt("a view's definition is no SELECT: {}", version.definition);
    BindOptions options;
    options.time_zone = version.time_zone;
    std::optional<Result<plan::ViewPlan>> bound;
    const auto work = [&] {
        auto binder = Binder::create(catalog, options, parsed[0].tree->source);
        bound = binder ? bind_view_plan(**select, **binder)
                       : Result<plan::ViewPlan>(std::move(binder).error());
    };
    if (parsed[0].tree->depth <= kShallowDepth) {
        work();
    } else if (!run_on_big_stack(work)) {
        return exhausted("no thread for binding a view");
    }
    plan::ViewPlan plan = TRY(std::move(*bound));
    if (plan.table != table) {
        return corrupt("a view's definition reads another table than it was made for");
    }
    plan.version = version.id;
    plan.definition = version.definition;
    return plan::ViewPlanPtr(std::make_shared<const plan::ViewPlan>(std::move(plan)));
}

Result<Schema> columns_of_relation(const catalog::Catalog& catalog, ObjectId id,
                                   const BindOptions& options) {
    if (const auto table = catalog.tables.find(id); table != catalog.tables.end()) {
        return table->second.columns;
    }
    if (const auto view = catalog.views.find(id); view != catalog.views.end()) {
        const auto binder = TRY(Binder::create(catalog, options, std::make_shared<std::string>()));
        return TRY(binder->plan_of(view->second))->output_schema();
    }
    const auto plain = catalog.plain_views.find(id);
    if (plain == catalog.plain_views.end()) return not_found("there is no relation {}", id.value);
    const std::vector<Statement> parsed = TRY(parse(plain->second.definition));
    if (parsed.size() != 1) return corrupt("a view's definition is no SELECT");
    const BoundStatement bound = TRY(bind(parsed[0], catalog, options));
    const auto* query = std::get_if<plan::Query>(&bound.command);
    if (query == nullptr) return corrupt("a view's definition is no SELECT");
    return query->output;
}

}  // namespace braid::sql
