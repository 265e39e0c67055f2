// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/parse/lexer.h"
#include "sql/parse/tree_reader_internal.h"

namespace braid::sql {
namespace {

struct NamedKind {
    std::string_view json;
    std::string_view name;
};

/// Statements that are known by name only; others are named from their node.
constexpr NamedKind kUnsupportedStatements[] = {
    {"UpdateStmt", "UPDATE"},
    {"DeleteStmt", "DELETE"},
    {"MergeStmt", "MERGE"},
    {"CopyStmt", "COPY"},
    {"CreateTrigStmt", "CREATE TRIGGER"},
    {"CreatePublicationStmt", "CREATE PUBLICATION"},
    {"AlterPublicationStmt", "ALTER PUBLICATION"},
    {"CreateSubscriptionStmt", "CREATE SUBSCRIPTION"},
    {"AlterTableMoveAllStmt", "ALTER TABLE"},
    {"AlterOwnerStmt", "ALTER … OWNER"},
    {"AlterObjectSchemaStmt", "ALTER … SET SCHEMA"},
    {"IndexStmt", "CREATE INDEX"},
    {"CreateSchemaStmt", "CREATE SCHEMA"},
    {"CreateSeqStmt", "CREATE SEQUENCE"},
    {"CreateFunctionStmt", "CREATE FUNCTION"},
    {"CreateRoleStmt", "CREATE ROLE"},
    {"AlterRoleStmt", "ALTER ROLE"},
    {"DropRoleStmt", "DROP ROLE"},
    {"CreatedbStmt", "CREATE DATABASE"},
    {"DropdbStmt", "DROP DATABASE"},
    {"CreateExtensionStmt", "CREATE EXTENSION"},
    {"CreateDomainStmt", "CREATE DOMAIN"},
    {"CreateEnumStmt", "CREATE TYPE"},
    {"CompositeTypeStmt", "CREATE TYPE"},
    {"DefineStmt", "CREATE AGGREGATE, OPERATOR or TYPE"},
    {"RuleStmt", "CREATE RULE"},
    {"CreateFdwStmt", "CREATE FOREIGN DATA WRAPPER"},
    {"CreateForeignServerStmt", "CREATE SERVER"},
    {"CreateForeignTableStmt", "CREATE FOREIGN TABLE"},
    {"CreatePolicyStmt", "CREATE POLICY"},
    {"CreateStatsStmt", "CREATE STATISTICS"},
    {"CommentStmt", "COMMENT"},
    {"SecLabelStmt", "SECURITY LABEL"},
    {"TruncateStmt", "TRUNCATE TABLE"},
    {"ClusterStmt", "CLUSTER"},
    {"ReindexStmt", "REINDEX"},
    {"CheckPointStmt", "CHECKPOINT"},
    {"LockStmt", "LOCK TABLE"},
    {"LoadStmt", "LOAD"},
    {"DoStmt", "DO"},
    {"CallStmt", "CALL"},
    {"ListenStmt", "LISTEN"},
    {"NotifyStmt", "NOTIFY"},
    {"UnlistenStmt", "UNLISTEN"},
    {"DeclareCursorStmt", "DECLARE CURSOR"},
    {"FetchStmt", "FETCH"},
    {"ClosePortalStmt", "CLOSE CURSOR"},
    {"ConstraintsSetStmt", "SET CONSTRAINTS"},
    {"AlterSystemStmt", "ALTER SYSTEM"},
};

constexpr NamedKind kConstraints[] = {
    {"CONSTR_NULL", ""},
    {"CONSTR_NOTNULL", "NOT NULL"},
    {"CONSTR_DEFAULT", "DEFAULT"},
    {"CONSTR_IDENTITY", "GENERATED AS IDENTITY"},
    {"CONSTR_GENERATED", "GENERATED"},
    {"CONSTR_CHECK", "CHECK"},
    {"CONSTR_PRIMARY", "PRIMARY KEY"},
    {"CONSTR_UNIQUE", "UNIQUE"},
    {"CONSTR_EXCLUSION", "EXCLUDE"},
    {"CONSTR_FOREIGN", "REFERENCES"},
};

std::string name_in(std::span<const NamedKind> table, std::string_view json) {
    for (const NamedKind& known : table) {
        if (known.json == json) return std::string(known.name);
    }
    return std::string(json);
}

/// "MATERIALIZED VIEW" out of OBJECT_MATVIEW, "FOREIGN TABLE" out of OBJECT_FOREIGN_TABLE.
std::string object_name(std::string_view object_type) {
    if (object_type == "OBJECT_MATVIEW") return "MATERIALIZED VIEW";
    std::string name;
    if (object_type.starts_with("OBJECT_")) object_type.remove_prefix(7);
    for (const char c : object_type) name += c == '_' ? ' ' : c;
    return name;
}

std::string statement_name(const JsonNode& node) {
    const JsonObject& body = node.body;
    const bool is_grant = node.kind == "GrantStmt" || node.kind == "GrantRoleStmt";
    if (is_grant) return body.flag("is_grant") ? "GRANT" : "REVOKE";
    if (node.kind == "VacuumStmt") return body.flag("is_vacuumcmd") ? "VACUUM" : "ANALYZE";
    if (node.kind == "AlterTableStmt") return "ALTER " + object_name(body.text("objtype"));
    if (node.kind == "RenameStmt") {
        const std::string type = body.text("renameType");
        if (type == "OBJECT_COLUMN") return "ALTER TABLE";
        return "ALTER " + object_name(type);
    }
    return name_in(kUnsupportedStatements, node.kind);
}

Transaction::Kind transaction_kind(std::string_view form) {
    using Kind = Transaction::Kind;
    if (form == "TRANS_STMT_COMMIT") return Kind::kCommit;
    if (form == "TRANS_STMT_ROLLBACK") return Kind::kRollback;
    if (form == "TRANS_STMT_SAVEPOINT") return Kind::kSavepoint;
    if (form == "TRANS_STMT_RELEASE") return Kind::kRelease;
    if (form == "TRANS_STMT_ROLLBACK_TO") return Kind::kRollbackTo;
    return Kind::kBegin;
}

void read_transaction_modes(const std::vector<Option>& options, Transaction& out) {
    for (const Option& option : options) {
        if (option.name == "transaction_isolation") out.isolation = option.value;
        if (option.name == "transaction_read_only") out.read_only = option.value == "1";
        if (option.name == "transaction_deferrable") out.deferrable = option.value == "1";
    }
}

/// The text of a setting's value: words, strings and numbers as they are.
std::string setting_text(const Expression& value) {
    if (value.kind == Expression::Kind::kCast && !value.arguments.empty()) {
        return value.arguments[0]->text;
    }
    if (value.kind == Expression::Kind::kBoolean) return value.flag ? "true" : "false";
    return value.text;
}

}  // namespace

Result<StatementTree> TreeReader::statement(const JsonNode& node, size_t begin, size_t end) {
    begin_ = begin;
    end_ = end;
    const JsonObject& body = node.body;
    StatementTree out;
    if (node.kind == "SelectStmt") {
        out = tree(TRY(select(body)));
    } else if (node.kind == "InsertStmt") {
        out = tree(TRY(insert(body)));
    } else if (node.kind == "CreateStmt") {
        out = tree(TRY(create_table(body)));
    } else if (node.kind == "CreateTableAsStmt") {
        out = TRY(create_table_as(body));
    } else if (node.kind == "ViewStmt") {
        out = tree(TRY(create_view(body)));
    } else if (node.kind == "DropStmt") {
        out = TRY(drop(body));
    } else if (node.kind == "DeleteStmt") {
        out = tree(TRY(delete_from(body)));
    } else if (node.kind == "RefreshMatViewStmt") {
        const JsonObject relation = body.object("relation");
        out = tree(RefreshTree{relation_name(relation), relation.place(), body.flag("concurrent"),
                               body.flag("skipData")});
    } else if (node.kind == "ExplainStmt") {
        out = tree(TRY(explain(body)));
    } else if (node.kind == "VariableSetStmt") {
        out = TRY(set(body));
    } else if (node.kind == "VariableShowStmt") {
        out = tree(ShowTree{body.text("name")});
    } else if (node.kind == "TransactionStmt") {
        out = TRY(transaction(body));
    } else if (node.kind == "PrepareStmt") {
        out = TRY(prepare(body));
    } else if (node.kind == "ExecuteStmt") {
        std::vector<ExpressionPtr> arguments = TRY(expressions(body.array("params")));
        out = tree(ExecuteTree{body.text("name"), std::move(arguments)});
    } else if (node.kind == "CallStmt") {
        const JsonObject call = body.object("funccall");
        std::vector<ExpressionPtr> arguments = TRY(expressions(call.array("args")));
        out =
            tree(CallTree{strings_of(call.array("funcname")), std::move(arguments), call.place()});
    } else if (node.kind == "DeallocateStmt") {
        out = tree(DeallocateTree{body.text("name")});
    } else if (node.kind == "DiscardStmt") {
        const std::string target = body.text("target");
        out = tree(DiscardTree{{target == "DISCARD_ALL", target == "DISCARD_PLANS"}});
    } else {
        out = unsupported(statement_name(node));
    }
    out.depth = depth_seen_;
    return out;
}

StatementTree TreeReader::unsupported(std::string what) const {
    return tree(UnsupportedTree{std::move(what)});
}

std::vector<Option> TreeReader::options(const JsonArray& array) const {
    std::vector<Option> out;
    for (const auto element : array) {
        const JsonObject body = JsonNode::of(element).body;
        Option option;
        option.space = body.text("defnamespace");
        option.name = body.text("defname");
        option.place = body.place();
        option.has_value = body.has("arg");
        const JsonNode value = JsonNode::of(body.object("arg"));
        if (value.kind == "String") option.value = value.body.text("sval");
        if (value.kind == "Float") option.value = value.body.text("fval");
        if (value.kind == "Boolean") option.value = value.body.flag("boolval") ? "true" : "false";
        if (value.kind == "Integer") {
            const size_t sign = source_->find('=', static_cast<size_t>(std::max(option.place, 0)));
            const int place = sign == std::string::npos ? -1 : static_cast<int>(sign) + 1;
            option.value = std::to_string(integer(value.body, place));
        }
        if (value.kind == "TypeName") {
            for (const std::string& part : strings_of(value.body.array("names")))
                option.value = part;
        }
        if (value.kind == "A_Const") {
            Expression constant;
            constant.place = value.body.place();
            TreeReader reader(source_);
            if (reader.read_constant(value.body, constant)) option.value = setting_text(constant);
        }
        out.push_back(std::move(option));
    }
    return out;
}

Result<CreateTableTree> TreeReader::create_table(const JsonObject& body) {
    CreateTableTree out;
    const JsonObject relation = body.object("relation");
    out.name = relation_name(relation);
    out.place = relation.place();
    out.if_not_exists = body.flag("if_not_exists");
    out.options = options(body.array("options"));
    const std::string persistence = relation.text("relpersistence");
    if (persistence == "t") out.unsupported = "TEMPORARY";
    if (persistence == "u") out.unsupported = "UNLOGGED";
    if (body.has_items("inhRelations")) out.unsupported = "INHERITS";
    if (body.has("partspec")) out.unsupported = "PARTITION BY";
    if (body.has("partbound")) out.unsupported = "PARTITION OF";
    if (body.has("ofTypename")) out.unsupported = "OF type";
    if (body.has("accessMethod")) out.unsupported = "USING method";
    if (body.has("tablespacename")) out.unsupported = "TABLESPACE";
    if (body.text("oncommit") != "ONCOMMIT_NOOP") out.unsupported = "ON COMMIT";
    for (const auto element : body.array("tableElts")) {
        const JsonNode item = JsonNode::of(element);
        if (item.kind == "Constraint") {
            out.unsupported = name_in(kConstraints, item.body.text("contype"));
        } else if (item.kind != "ColumnDef") {
            out.unsupported = "LIKE";
        } else {
            ColumnDefinition column;
            column.name = item.body.text("colname");
            column.type = TRY(type_name(item.body.object("typeName")));
            column.place = item.body.place();
            if (item.body.has("collClause")) column.constraint = "COLLATE";
            for (const auto constraint : item.body.array("constraints")) {
                const JsonObject found = JsonNode::of(constraint).body;
                if (!column.constraint.empty()) break;
                column.constraint = name_in(kConstraints, found.text("contype"));
            }
            out.columns.push_back(std::move(column));
        }
    }
    return out;
}

Result<StatementTree> TreeReader::create_table_as(const JsonObject& body) {
    if (body.text("objtype") != "OBJECT_MATVIEW") return unsupported("CREATE TABLE AS");
    return tree(TRY(create_materialized_view(body)));
}

Result<CreateViewTree> TreeReader::create_materialized_view(const JsonObject& body) {
    CreateViewTree out;
    const JsonObject into = body.object("into");
    const JsonObject relation = into.object("rel");
    out.name = relation_name(relation);
    out.place = relation.place();
    out.is_materialized = true;
    out.columns = strings_of(into.array("colNames"));
    out.options = options(into.array("options"));
    out.if_not_exists = body.flag("if_not_exists");
    out.with_no_data = into.flag("skipData");
    if (relation.text("relpersistence") == "u") out.unsupported = "UNLOGGED";
    if (into.has("accessMethod")) out.unsupported = "USING method";
    if (into.has("tableSpaceName")) out.unsupported = "TABLESPACE";
    const JsonNode query = JsonNode::of(body.object("query"));
    if (query.kind == "SelectStmt") {
        out.query = TRY(select(query.body));
    } else {
        out.unsupported = "EXECUTE";
    }
    cut_definition(out);
    return out;
}

Result<CreateViewTree> TreeReader::create_view(const JsonObject& body) {
    CreateViewTree out;
    const JsonObject relation = body.object("view");
    out.name = relation_name(relation);
    out.place = relation.place();
    out.columns = strings_of(body.array("aliases"));
    out.options = options(body.array("options"));
    out.or_replace = body.flag("replace");
    if (relation.text("relpersistence") == "t") out.unsupported = "TEMPORARY";
    if (body.text("withCheckOption") != "NO_CHECK_OPTION") out.unsupported = "WITH CHECK OPTION";
    out.query = TRY(select(JsonNode::of(body.object("query")).body));
    cut_definition(out);
    return out;
}

/// The definition is what stands between the first AS outside of parentheses and WITH [NO] DATA at
/// the end.
void TreeReader::cut_definition(CreateViewTree& tree) const {
    const std::string_view text = std::string_view(*source_).substr(begin_, end_ - begin_);
    std::vector<Token> tokens = tokenize(text);
    size_t first = 0;
    int parentheses = 0;
    for (; first < tokens.size(); ++first) {
        const char c = text[tokens[first].begin];
        if (tokens[first].kind == Token::Kind::kSign && c == '(') ++parentheses;
        if (tokens[first].kind == Token::Kind::kSign && c == ')') --parentheses;
        if (parentheses == 0 && is_word(text, tokens[first], "as")) break;
    }
    ++first;
    size_t count = tokens.size();
    if (tree.is_materialized && count > first + 2 && is_word(text, tokens[count - 1], "data")) {
        count -= is_word(text, tokens[count - 2], "no") ? 3 : 2;
    }
    if (first >= count) return;
    const size_t begin = tokens[first].begin;
    tree.definition = std::string(text.substr(begin, tokens[count - 1].end - begin));
    tree.definition_place = static_cast<int>(begin_ + begin);
}

Result<StatementTree> TreeReader::drop(const JsonObject& body) {
    DropTree out;
    const std::string type = body.text("removeType");
    if (type == "OBJECT_VIEW") {
        out.kind = ObjectKind::kView;
    } else if (type == "OBJECT_MATVIEW") {
        out.kind = ObjectKind::kMaterializedView;
    } else if (type != "OBJECT_TABLE") {
        return unsupported("DROP " + object_name(type));
    }
    for (const auto element : body.array("objects")) {
        out.names.push_back(strings_of(JsonNode::of(element).body.array("items")));
    }
    out.if_exists = body.flag("missing_ok");
    out.cascade = body.text("behavior") == "DROP_CASCADE";
    return tree(std::move(out));
}

Result<InsertTree> TreeReader::insert(const JsonObject& body) {
    InsertTree out;
    const JsonObject relation = body.object("relation");
    out.name = relation_name(relation);
    out.place = relation.place();
    out.columns = TRY(targets(body.array("cols")));
    if (body.has("withClause")) out.unsupported = "WITH in INSERT";
    if (body.has("onConflictClause")) out.unsupported = "INSERT … ON CONFLICT";
    if (body.has_items("returningList")) out.unsupported = "INSERT … RETURNING";
    if (body.text("override") != "OVERRIDING_NOT_SET") out.unsupported = "OVERRIDING";
    if (body.has("selectStmt")) {
        out.source = TRY(select(JsonNode::of(body.object("selectStmt")).body));
    }
    return out;
}

Result<DeleteTree> TreeReader::delete_from(const JsonObject& body) {
    DeleteTree out;
    const JsonObject relation = body.object("relation");
    out.name = relation_name(relation);
    out.place = relation.place();
    if (body.has("withClause")) out.unsupported = "WITH in DELETE";
    if (body.has_items("usingClause")) out.unsupported = "DELETE … USING";
    if (body.has_items("returningList")) out.unsupported = "DELETE … RETURNING";
    auto from = std::make_shared<TableRef>();
    from->place = out.place;
    from->names = out.name;
    from->alias = alias_of(relation, "alias");
    auto one = std::make_shared<Expression>();
    one->kind = Expression::Kind::kInteger;
    one->number = 1;
    one->text = "1";
    auto rows = std::make_shared<Select>();
    rows->targets.push_back({.name = {}, .expr = std::move(one)});
    rows->from.push_back(std::move(from));
    rows->where = TRY(optional_expression(body, "whereClause"));
    out.rows = std::move(rows);
    return out;
}

Result<ExplainTree> TreeReader::explain(const JsonObject& body) {
    ExplainTree out;
    out.options = options(body.array("options"));
    TreeReader reader(source_);
    StatementTree inner = TRY(reader.statement(JsonNode::of(body.object("query")), begin_, end_));
    depth_seen_ = inner.depth;
    out.inner = std::make_shared<StatementTree>(std::move(inner));
    return out;
}

Result<StatementTree> TreeReader::set(const JsonObject& body) {
    const std::string form = body.text("kind");
    if (form == "VAR_SET_MULTI") return set_transaction(body);
    SetTree out;
    out.name = body.text("name");
    out.is_local = body.flag("is_local");
    if (form == "VAR_RESET") out.kind = SetTree::Kind::kReset;
    if (form == "VAR_RESET_ALL") out.kind = SetTree::Kind::kResetAll;
    if (form == "VAR_SET_DEFAULT") out.kind = SetTree::Kind::kDefault;
    if (form == "VAR_SET_CURRENT") return unsupported("SET … FROM CURRENT");
    std::vector<ExpressionPtr> values = TRY(expressions(body.array("args")));
    for (const ExpressionPtr& value : values) out.values.push_back(setting_text(*value));
    return tree(std::move(out));
}

StatementTree TreeReader::set_transaction(const JsonObject& body) const {
    const std::string name = body.text("name");
    TransactionTree out;
    if (name == "TRANSACTION SNAPSHOT") out.unsupported = "SET TRANSACTION SNAPSHOT";
    out.command.kind = name == "SESSION CHARACTERISTICS" ? Transaction::Kind::kSetSession
                                                         : Transaction::Kind::kSetTransaction;
    read_transaction_modes(options(body.array("args")), out.command);
    return tree(std::move(out));
}

Result<StatementTree> TreeReader::transaction(const JsonObject& body) {
    const std::string form = body.text("kind");
    TransactionTree out;
    out.command.kind = transaction_kind(form);
    out.command.savepoint = body.text("savepoint_name");
    out.command.and_chain = body.flag("chain");
    read_transaction_modes(options(body.array("options")), out.command);
    if (form == "TRANS_STMT_PREPARE") out.unsupported = "PREPARE TRANSACTION";
    if (form == "TRANS_STMT_COMMIT_PREPARED") out.unsupported = "COMMIT PREPARED";
    if (form == "TRANS_STMT_ROLLBACK_PREPARED") out.unsupported = "ROLLBACK PREPARED";
    return tree(std::move(out));
}

Result<StatementTree> TreeReader::prepare(const JsonObject& body) {
    PrepareTree out;
    out.name = body.text("name");
    for (const auto element : body.array("argtypes")) {
        out.types.push_back(TRY(type_name(JsonNode::of(element).body)));
    }
    TreeReader reader(source_);
    const JsonNode query = JsonNode::of(body.object("query"));
    StatementTree inner = TRY(reader.statement(query, begin_, end_));
    depth_seen_ = inner.depth;
    out.statement.kind = kind_of(inner);
    out.statement.tag = tag_of(query);
    out.statement.tree = std::make_shared<StatementTree>(std::move(inner));
    return tree(std::move(out));
}

StatementKind TreeReader::kind_of(const StatementTree& tree) {
    struct Visitor {
        StatementKind operator()(const UnsupportedTree&) { return StatementKind::kUnsupported; }
        StatementKind operator()(const SelectPtr&) { return StatementKind::kSelect; }
        StatementKind operator()(const CreateTableTree&) { return StatementKind::kCreateTable; }
        StatementKind operator()(const CreateViewTree& view) {
            return view.is_materialized ? StatementKind::kCreateMaterializedView
                                        : StatementKind::kCreateView;
        }
        StatementKind operator()(const DropTree&) { return StatementKind::kDrop; }
        StatementKind operator()(const InsertTree&) { return StatementKind::kInsert; }
        StatementKind operator()(const DeleteTree&) { return StatementKind::kDelete; }
        StatementKind operator()(const RefreshTree&) { return StatementKind::kRefresh; }
        StatementKind operator()(const ExplainTree&) { return StatementKind::kExplain; }
        StatementKind operator()(const SetTree& set) {
            const bool is_set =
                set.kind == SetTree::Kind::kValue || set.kind == SetTree::Kind::kDefault;
            return is_set ? StatementKind::kSet : StatementKind::kReset;
        }
        StatementKind operator()(const ShowTree&) { return StatementKind::kShow; }
        StatementKind operator()(const TransactionTree&) { return StatementKind::kTransaction; }
        StatementKind operator()(const PrepareTree&) { return StatementKind::kPrepare; }
        StatementKind operator()(const ExecuteTree&) { return StatementKind::kExecute; }
        StatementKind operator()(const CallTree&) { return StatementKind::kCall; }
        StatementKind operator()(const DeallocateTree&) { return StatementKind::kDeallocate; }
        StatementKind operator()(const DiscardTree&) { return StatementKind::kDiscard; }
    };
    return std::visit(Visitor(), tree.body);
}

std::string TreeReader::tag_of(const JsonNode& node) {
    const JsonObject& body = node.body;
    if (node.kind == "SelectStmt") return "SELECT";
    if (node.kind == "InsertStmt") return "INSERT";
    if (node.kind == "DeleteStmt") return "DELETE";
    if (node.kind == "CreateStmt") return "CREATE TABLE";
    if (node.kind == "ViewStmt") return "CREATE VIEW";
    if (node.kind == "RefreshMatViewStmt") return "REFRESH MATERIALIZED VIEW";
    if (node.kind == "ExplainStmt") return "EXPLAIN";
    if (node.kind == "VariableShowStmt") return "SHOW";
    if (node.kind == "PrepareStmt") return "PREPARE";
    if (node.kind == "ExecuteStmt") return "EXECUTE";
    if (node.kind == "DeallocateStmt") return body.has("name") ? "DEALLOCATE" : "DEALLOCATE ALL";
    if (node.kind == "VariableSetStmt") {
        return body.text("kind").starts_with("VAR_RESET") ? "RESET" : "SET";
    }
    if (node.kind == "DiscardStmt") {
        const std::string target = body.text("target");
        return "DISCARD " + target.substr(target.find('_') + 1);
    }
    if (node.kind == "CreateTableAsStmt") {
        return body.text("objtype") == "OBJECT_MATVIEW" ? "CREATE MATERIALIZED VIEW" : "SELECT";
    }
    if (node.kind == "DropStmt") {
        return "DROP " + object_name(body.text("removeType"));
    }
    if (node.kind == "TransactionStmt") {
        const std::string form = body.text("kind");
        if (form == "TRANS_STMT_ROLLBACK_TO") return "ROLLBACK";
        if (form == "TRANS_STMT_START") return "START TRANSACTION";
        return form.substr(std::string_view("TRANS_STMT_").size());
    }
    return statement_name(node);
}

}  // namespace braid::sql
