// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "columnar/column.h"
#include "columnar/datum.h"
#include "plan/node.h"
#include "plan/view_plan.h"

/// The face of `sql`: text -> statements (parse), statement -> plan or typed command (bind).
/// Everything here is a pure function of its arguments and may be called from any thread, whatever
/// its stack.
///
///     for (const Statement& statement : TRY(parse(text))) {
///         BoundStatement bound = TRY(bind(statement, catalog, options));
///         std::visit(…, bound.command);
///     }
///
/// Errors are PostgreSQL's: SQLSTATE, message, detail, hint and a 1-based character position in the
/// whole text that was given to parse().
namespace braid::sql {

struct StatementTree;  // parse/ast.h

inline constexpr size_t kTextBytesMax = 256 * 1024;  // 54000 beyond
inline constexpr int kDepthMax = 500;  // nesting of expressions and queries; 54001 beyond

enum class StatementKind : uint8_t {
    kSelect,  // also VALUES, TABLE
    kInsert,
    kExplain,
    kCreateTable,
    kCreateMaterializedView,
    kCreateView,
    kDrop,
    kDelete,
    kRefresh,
    kSet,
    kShow,
    kReset,
    kTransaction,
    kPrepare,
    kExecute,
    kCall,
    kDeallocate,
    kDiscard,
    kUnsupported,  // bind() says by name what is not there
};

/// One statement as written. Immutable, cheap to copy.
struct Statement {
    StatementKind kind = StatementKind::kUnsupported;
    /// Its own text without the semicolon and the blanks around it.
    std::string text;
    /// 1-based position of `text` in the whole text, in characters.
    int position = 1;
    /// PostgreSQL's command tag without counts: "SELECT", "CREATE TABLE", "BEGIN", …
    std::string tag;
    std::shared_ptr<const StatementTree> tree;
};

/// Splits and reads a text of statements; an empty text gives none. As in PostgreSQL an error in
/// one statement is an error of the whole text: 42601 with a position, 54000 for a text that is too
/// long, 54001 for one that is nested too deeply.
Result<std::vector<Statement>> parse(std::string_view text);

/// A scalar function that is SQL over system relations, such as pg_get_viewdef(oid): calls are
/// replaced by `body`, an expression in which $1, $2, … are the arguments.
struct SqlFunction {
    std::vector<Type> arguments;
    Type result;
    std::string body;
};

/// What is served under pg_catalog, information_schema and braid; implemented by serving/system.
/// Called during bind() only, on its thread.
class SystemRelations {
  public:
    virtual ~SystemRelations() = default;
    virtual bool has_schema(std::string_view schema) const = 0;
    /// Columns of a relation; a plan's scan names it "schema.name" with Kind::kSystem.
    virtual std::optional<Schema> find(std::string_view schema, std::string_view name) const = 0;
    /// Columns of a table function beyond generate_series and unnest, such as pg_get_keywords(); a
    /// plan's scan names it "schema.name" with Kind::kFunction.
    virtual std::optional<Schema> find_table_function(std::string_view schema,
                                                      std::string_view name,
                                                      size_t argument_count) const {
        (void)schema, (void)name, (void)argument_count;
        return std::nullopt;
    }
    /// All overloads of a scalar function of pg_catalog that is SQL. "regnamespace_name" and
    /// "regrole_name" (of an oid) stand for the casts to these types.
    virtual std::vector<SqlFunction> find_functions(std::string_view name) const {
        (void)name;
        return {};
    }
    /// For constants such as 'pg_class'::regclass. `schema` is empty when the name was not
    /// qualified.
    virtual std::optional<int64_t> relation_oid(std::string_view schema,
                                                std::string_view name) const {
        (void)schema, (void)name;
        return std::nullopt;
    }
    /// Value of a function that is constant for a session and is not in plan's table of functions;
    /// "regprocin", "regnamespacein" and "regrolein" (of a text) give the OID behind a name.
    /// nullopt: there is none.
    virtual std::optional<Datum> session_value(std::string_view name,
                                               std::span<const Datum> arguments) const {
        (void)name, (void)arguments;
        return std::nullopt;
    }
};

struct BindOptions {
    std::string time_zone = "UTC";
    /// pg_catalog comes first implicitly, braid last.
    std::vector<std::string> search_path = {"public"};
    /// Types that the client declared for $1, $2, …; kUnknown, or beyond the end: to be inferred.
    std::vector<Type> parameter_types;
    const SystemRelations* system = nullptr;
    /// Cached plans of view versions; without it a view's definition is bound again at each use.
    std::function<Result<plan::ViewPlanPtr>(VersionId)> view_plan_of;
};

/// What a client should hear although nothing failed.
struct Notice {
    enum class Severity : uint8_t { kNotice, kWarning };
    Severity severity = Severity::kNotice;
    std::string sqlstate = "00000";
    std::string message;
    std::string detail;
    std::string hint;
};

/// CREATE TABLE. `table` has no id, log and creation time yet.
struct CreateTable {
    catalog::Table table;
    bool if_not_exists = false;
    bool exists_already = false;  // only with if_not_exists: nothing to do but the notice
};

struct CreateMaterializedView {
    std::string name;
    std::string definition;    // the SELECT, byte for byte as written
    std::string time_zone;     // to be pinned
    plan::ViewPlanPtr plan;    // without version
    uint64_t keys_max = 0;     // 0: not said
    int64_t retention_us = 0;  // 0: for ever
    bool with_no_data = false;
    bool if_not_exists = false;
    bool exists_already = false;
};

struct CreateView {
    std::string name;
    std::string definition;
    Schema output;
    bool or_replace = false;
    std::optional<ObjectId> replaces;
};

enum class ObjectKind : uint8_t { kTable, kView, kMaterializedView };

/// DROP TABLE, VIEW and MATERIALIZED VIEW, with what CASCADE brings. Each object stands behind all
/// that depend on it. Names that did not exist with IF EXISTS are only in the notices.
struct Drop {
    struct Object {
        ObjectKind kind;
        ObjectId id;
        std::string name;
    };
    ObjectKind kind = ObjectKind::kTable;
    std::vector<Object> objects;
};

/// INSERT into a stream that takes records over HTTP. Each row has one value per entry of
/// `columns`, of that column's type; columns not named are absent from the record.
struct Insert {
    TableId table;
    std::string name;
    std::vector<int> columns;  // indexes into the table's declared columns
    /// VALUES without subqueries: rows of expressions over nothing but parameters. Otherwise
    /// `query`.
    std::vector<std::vector<plan::ExprPtr>> rows;
    std::optional<plan::Query> query;
    std::vector<Type> parameters;
};

/// DELETE FROM a stream: erases the events for which the predicate is true.
struct Delete {
    TableId table;
    std::string name;
    plan::ExprPtr predicate;  // over the declared columns, then plan::system_columns()
    std::vector<Type> parameters;
};

struct Refresh {
    ViewId view;
    TableId table;
    std::string name;
    bool concurrently = false;
    bool with_no_data = false;
};

struct BoundStatement;

struct Explain {
    enum class Format : uint8_t { kText, kJson };
    bool analyze = false;
    Format format = Format::kText;
    std::shared_ptr<const BoundStatement> inner;  // a Query or an Insert
};

/// SET. `name` is lower case and may hold one dot; `values` are the words or literals as text.
struct Set {
    std::string name;
    std::vector<std::string> values;
    bool is_local = false;
    bool to_default = false;
};
struct Show {
    std::string name;  // lower case; "all"
};
struct Reset {
    std::string name;  // lower case; "all"
};

/// BEGIN, COMMIT, … and SET [SESSION CHARACTERISTICS AS] TRANSACTION.
struct Transaction {
    enum class Kind : uint8_t {
        kBegin,
        kCommit,
        kRollback,
        kSavepoint,
        kRelease,
        kRollbackTo,
        kSetTransaction,
        kSetSession,
    };
    Kind kind = Kind::kBegin;
    std::string savepoint;
    std::string isolation;  // "serializable", "repeatable read", …; empty: not said
    std::optional<bool> read_only;
    std::optional<bool> deferrable;
    bool and_chain = false;
};

struct Prepare {
    std::string name;
    std::vector<Type> parameter_types;
    Statement statement;
};
struct Execute {
    std::string name;
    std::vector<plan::ExprPtr> arguments;
};
/// CALL of one of Braid's procedures, all of which take the number of an audit (int8).
struct Call {
    enum class Procedure : uint8_t { kAcceptAudit, kRejectAudit };
    Procedure procedure = Procedure::kAcceptAudit;
    plan::ExprPtr argument;
    std::vector<Type> parameters;
};
struct Deallocate {
    std::string name;  // empty: all
};
struct Discard {
    bool all = false;  // otherwise PLANS, SEQUENCES or TEMP, of which there is nothing to discard
                       // but plans
    bool plans = false;
};

using Command = std::variant<plan::Query, CreateTable, CreateMaterializedView, CreateView, Drop,
                             Insert, Delete, Refresh, Explain, Set, Show, Reset, Transaction,
                             Prepare, Execute, Call, Deallocate, Discard>;

struct BoundStatement {
    Command command;
    std::string tag;
    std::vector<Notice> notices;  // beside the warnings of a query
};

/// Resolves names and types against the catalog. The catalog is only read; whoever executes a
/// command checks again at commit.
Result<BoundStatement> bind(const Statement& statement, const catalog::Catalog& catalog,
                            const BindOptions& options);

/// The plan of a stored view version, under its pinned time zone.
Result<plan::ViewPlanPtr> bind_view(const catalog::Catalog& catalog,
                                    const catalog::ViewVersion& version, TableId table);

/// Columns of any relation of the catalog by its id: a stream's declared ones, a view's outputs.
Result<Schema> columns_of_relation(const catalog::Catalog& catalog, ObjectId id,
                                   const BindOptions& options);

/// PostgreSQL's quote_ident: quotes where the name needs it.
std::string quote_identifier(std::string_view name);

}  // namespace braid::sql
