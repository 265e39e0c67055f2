// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "operators/expr/evaluator.h"
#include "operators/expr/program_internal.h"
#include "plan/cast.h"

namespace braid::operators {

namespace {

using Kind = plan::Expr::Kind;

/// Builds the steps of a program: one for each distinct subexpression, children first.
class Compiler {
  public:
    explicit Compiler(Machine& machine) : machine_(machine) {}

    Result<int> add(const plan::Expr& expr);
    void mark_unconditional(int step);
    const std::set<int>& columns() const { return columns_; }

  private:
    Result<int> add_call(const plan::Expr& expr);
    Result<int> add_argument(const plan::Expr& argument, const Type& wanted);
    int add_step(std::string key, Step step);
    int add_constant(Datum value);
    /// The value of a step whose children are constants, as a step; itself if it fails.
    int fold(int step);
    int simplify_logic(int step);
    bool is_constant(int step, bool value) const;
    std::string key_of(std::string head, const std::vector<int>& children) const;
    Step& at(int step) { return machine_.steps()[static_cast<size_t>(step)]; }
    const Step& at(int step) const { return machine_.steps()[static_cast<size_t>(step)]; }

    Machine& machine_;
    std::unordered_map<std::string, int> known_;
    std::set<int> columns_;
};

bool is_lazy(Kind kind) {
    return kind == Kind::kAnd || kind == Kind::kOr || kind == Kind::kCase ||
           kind == Kind::kCoalesce || kind == Kind::kIn;
}

std::string Compiler::key_of(std::string head, const std::vector<int>& children) const {
    for (const int child : children) head.append(" ").append(std::to_string(child));
    return head;
}

int Compiler::add_step(std::string key, Step step) {
    const auto [found, is_new] = known_.emplace(std::move(key), 0);
    if (!is_new) return found->second;
    bool children_cheap = true;
    bool children_fixed = true;
    for (const int child : step.children) {
        children_cheap &= at(child).is_cheap;
        children_fixed &= at(child).is_fixed;
    }
    step.is_cheap &= children_cheap;
    if (!step.children.empty()) step.is_fixed = children_fixed;
    found->second = static_cast<int>(machine_.steps().size());
    machine_.steps().push_back(std::move(step));
    return found->second;
}

int Compiler::add_constant(Datum value) {
    Step step;
    step.type = value.type;
    step.constant = std::move(value);
    step.is_cheap = true;
    step.is_fixed = true;
    std::string key = plan::fingerprint(*plan::constant(step.constant));
    return add_step(std::move(key), std::move(step));
}

Result<int> Compiler::add(const plan::Expr& expr) {
    switch (expr.kind) {
        case Kind::kColumn: {
            Step step;
            step.kind = Kind::kColumn;
            step.type = expr.type;
            step.column = expr.column;
            step.is_cheap = true;
            columns_.insert(expr.column);
            return add_step("column " + std::to_string(expr.column), std::move(step));
        }
        case Kind::kConstant:
            return add_constant(expr.constant);
        case Kind::kParameter: {
            Step step;
            step.kind = Kind::kParameter;
            step.type = expr.type;
            step.column = expr.column;
            step.is_cheap = true;
            step.is_fixed = true;
            return add_step("parameter " + std::to_string(expr.column), std::move(step));
        }
        case Kind::kCall:
            return add_call(expr);
        case Kind::kOuterColumn:
        case Kind::kAggregate:
        case Kind::kSubquery:
            return internal_error("expression of a query in a program");
        default:
            break;
    }
    Step step;
    step.kind = expr.kind;
    step.type = expr.type;
    // Cheap loops over what the children gave, none of which fails by itself.
    step.is_cheap = true;
    for (const plan::ExprPtr& argument : expr.arguments) {
        step.children.push_back(TRY(add(*argument)));
    }
    if (expr.kind == Kind::kIn) {
        for (const int child : step.children) {
            if (at(child).type.kind != at(step.children[0]).type.kind) {
                return internal_error("IN list of another type");
            }
        }
    }
    std::string key = key_of("kind " + std::to_string(static_cast<int>(expr.kind)), step.children);
    return simplify_logic(add_step(std::move(key), std::move(step)));
}

Result<int> Compiler::add_argument(const plan::Expr& argument, const Type& wanted) {
    const int child = TRY(add(argument));
    const bool is_any = wanted.kind == TypeKind::kUnknown && wanted.alias == TypeAlias::kNone;
    if (!is_any || argument.type.kind == TypeKind::kText ||
        argument.type.kind == TypeKind::kUnknown) {
        return child;
    }
    const plan::Function* output = plan::output_function(argument.type);
    CHECK(output != nullptr);
    return add(*plan::call(output, {plan::ExprPtr(plan::ExprPtr(), &argument)}));
}

Result<int> Compiler::add_call(const plan::Expr& expr) {
    const plan::Function& function = *expr.function;
    const std::vector<Type>& declared = function.arguments;
    const size_t count = expr.arguments.size();
    const bool fits = function.is_variadic ? count >= declared.size() : count == declared.size();
    if (!fits) return internal_error("{} called with {} arguments", function.key(), count);
    BodyTable::Entry storage;
    const BodyTable::Entry* entry = find_body(function, machine_.context(), storage);
    if (entry == nullptr) return unsupported("function {} is not available here", function.key());
    Step step;
    step.kind = Kind::kCall;
    step.type = expr.type;
    step.function = &function;
    step.body = entry->body;
    step.is_cheap = entry->traits.is_cheap;
    if (function.is_memoised && count == 1) step.memo = std::make_unique<MemoCache>();
    for (size_t i = 0; i < count; ++i) {
        const Type& wanted = declared[std::min(i, declared.size() - 1)];
        step.children.push_back(TRY(add_argument(*expr.arguments[i], wanted)));
    }
    // As PostgreSQL's planner: what the other arguments would say, or fail with, does not matter.
    const bool is_null =
        function.is_strict && std::ranges::any_of(step.children, [&](int child) {
            return at(child).kind == Kind::kConstant && at(child).constant.is_null();
        });
    if (is_null) return add_constant(Datum::null(expr.type));
    std::string head = "call " + std::to_string(function.index) + " " + expr.type.name();
    // Before the step is moved: nobody knows which argument of a call is made first.
    std::string key = key_of(std::move(head), step.children);
    const int added = add_step(std::move(key), std::move(step));
    const bool is_foldable =
        function.allowed_in_views && std::ranges::all_of(at(added).children, [&](int child) {
            return at(child).kind == Kind::kConstant;
        });
    return is_foldable ? fold(added) : added;
}

int Compiler::fold(int step) {
    Frame frame(nullptr, 1, machine_);
    const Evaluated& value = machine_.evaluate(step, frame);
    if (!value.errors.empty()) return step;
    Datum datum = value.column.datum(0);
    datum.type = at(step).type;
    if (!machine_.may_keep(datum)) return step;
    return add_constant(std::move(datum));
}

bool Compiler::is_constant(int step, bool value) const {
    const Step& constant = at(step);
    return constant.kind == Kind::kConstant && !constant.constant.is_null() &&
           constant.constant.as<bool>() == value;
}

/// As PostgreSQL's planner: a constant false decides AND, whatever stands before it; likewise OR.
int Compiler::simplify_logic(int step) {
    const Kind kind = at(step).kind;
    if (kind != Kind::kAnd && kind != Kind::kOr) return step;
    const bool deciding = kind == Kind::kOr;
    for (const int child : at(step).children) {
        if (is_constant(child, deciding)) return add_constant(Datum::boolean(deciding));
        // What fails for every row fails first.
        if (at(child).is_fixed && at(child).kind == Kind::kCall) return step;
    }
    return step;
}

void Compiler::mark_unconditional(int step) {
    if (at(step).is_unconditional) return;
    at(step).is_unconditional = true;
    const std::vector<int> children = at(step).children;
    if (is_lazy(at(step).kind)) {
        mark_unconditional(children[0]);
        return;
    }
    for (const int child : children) mark_unconditional(child);
}

}  // namespace

struct Program::Body {
    explicit Body(EvaluationContext context) : machine(std::move(context)) {}

    Machine machine;
    std::vector<int> roots;
    std::vector<int> columns;
};

Program::Program() = default;
Program::~Program() = default;

Result<std::unique_ptr<Program>> Program::compile(std::vector<plan::ExprPtr> exprs,
                                                  EvaluationContext context) {
    if (context.format.zone == nullptr) context.format = utc_format();
    std::unique_ptr<Program> program(new Program());
    program->body_ = std::make_unique<Body>(std::move(context));
    Body& body = *program->body_;
    Compiler compiler(body.machine);
    for (const plan::ExprPtr& expr : exprs) body.roots.push_back(TRY(compiler.add(*expr)));
    for (const int root : body.roots) compiler.mark_unconditional(root);
    body.columns.assign(compiler.columns().begin(), compiler.columns().end());
    return program;
}

std::vector<Evaluated> Program::run(const Batch& batch) {
    Frame frame(&batch, batch.length, body_->machine);
    std::vector<Evaluated> results;
    for (const int root : body_->roots) results.push_back(body_->machine.evaluate(root, frame));
    return results;
}

std::vector<Evaluated> Program::run(const Batch& batch, std::span<const uint32_t> rows) {
    Frame frame(&batch, rows.size(), body_->machine);
    frame.batch_rows = rows;
    std::vector<Evaluated> results;
    for (const int root : body_->roots) results.push_back(body_->machine.evaluate(root, frame));
    return results;
}

void Program::set_statement(std::vector<Datum> parameters, StatementLimits limits) {
    body_->machine.context().parameters = std::move(parameters);
    body_->machine.context().limits = std::move(limits);
    body_->machine.forget_fixed();
}

const std::vector<int>& Program::columns() const { return body_->columns; }

Result<Datum> evaluate_constant(const plan::Expr& expr, const EvaluationContext& context) {
    auto program = TRY(Program::compile({plan::ExprPtr(plan::ExprPtr(), &expr)}, context));
    CHECK(program->columns().empty());
    std::vector<Evaluated> results = program->run(Batch{.length = 1, .columns = {}});
    if (!results[0].errors.empty()) return std::move(results[0].errors[0].error);
    Datum value = results[0].column.datum(0);
    value.type = expr.type;
    return value;
}

}  // namespace braid::operators
