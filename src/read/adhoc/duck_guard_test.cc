// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/test_support.h"
#include "base/thread.h"
#include "read/adhoc/generator_internal.h"
#include "read/adhoc/plan_test_support.h"

namespace braid::read::test {
namespace {

using Kind = Expr::Kind;
using JoinKind = Node::JoinKind;
using SubqueryKind = Expr::SubqueryKind;

class DuckGuardTest : public DuckTest {
  protected:
    /// A statement that would run for ever, or nearly.
    NodePtr endless() {
        const NodePtr n = table_function("generate_series",
                                         {lit("int8", "1"), lit("int8", "100000000000")}, "n int8");
        const NodePtr m = table_function("generate_series", {num(1), num(1000)}, "m int4");
        return aggregate(join(JoinKind::kCross, m, n), {}, {agg("count", {}, "int8")});
    }
};

/// What a client may have written, in every place that plans carry text in.
const std::string kHostile =
    "'; DROP TABLE x; -- \" $1 {} ; SELECT * FROM read_csv('/etc/passwd') é\n";

TEST_F(DuckGuardTest, NoTextOfAClientIsPartOfTheSql) {
    const NodePtr t = table("a text, b int4", "x|1");
    auto named = std::make_shared<Node>(*t);
    for (Field& field : named->output.fields) field.name = kHostile + field.name;
    const NodePtr scan = named;
    const NodePtr renamed = project(scan, {col(scan, 0), str(kHostile), col(scan, 1)});
    const NodePtr compared = filter(renamed, fn("=(text,text)", {col(renamed, 1), str(kHostile)}));
    const NodePtr searched =
        filter(compared, fn("~~(text,text)", {col(compared, 1), str(kHostile + "%")}));
    const NodePtr listed =
        filter(searched, not_(boolean(Kind::kIn, {col(searched, 0), str(kHostile), str("y")})));
    plan::AggregateCall joined = agg("string_agg", {col(listed, 1), str(kHostile)}, "text");
    const NodePtr grouped = aggregate(listed, {col(listed, 2)}, {joined});
    const NodePtr shared = with(kHostile, grouped, cte_scan(kHostile, grouped->output));
    const NodePtr cells = values({{num(1), str(kHostile)}, {num(2), str(kHostile)}});
    const NodePtr both = set_operation(Node::SetKind::kUnion, true, shared, cells);
    const NodePtr parts =
        table_function("unnest", {str("{\"" + std::string("DROP TABLE") + "\"}")}, "x text");
    const NodePtr all = join(JoinKind::kCross, both, parts);
    const std::string sql = sql_of(all);
    for (const std::string_view piece : {"DROP", "read_csv", "etc", "--", "é", "\"", ";"}) {
        EXPECT_EQ(sql.find(piece), std::string::npos) << piece << " in " << sql;
    }
    EXPECT_EQ(sql.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "_ .,()*$'<>=|+"),
              std::string::npos)
        << sql;
    EXPECT_EQ(run(sort(all, {asc(col(all, 0))})), "1|" + kHostile + "|DROP TABLE\n1|" + kHostile +
                                                      "|DROP TABLE\n2|" + kHostile +
                                                      "|DROP TABLE\n");
}

TEST_F(DuckGuardTest, FunctionsAndRelationsOfDuckDbAreOutOfReach) {
    for (const std::string name : {"read_csv", "read_text", "glob", "enable_logging",
                                   "duckdb_settings", "b_scan", "getenv", "range); SELECT 1; --"}) {
        const NodePtr call = table_function(name, {str("/etc/passwd")}, "x text");
        EXPECT_EQ(sql_of(call), "SELECT t0.c0 AS c0 FROM b_scan(0) AS t0");
        EXPECT_EQ(run(aggregate(call, {}, {agg(name, {col(call, 0)}, "int8")})),
                  "0A000 aggregate function \"" + name + "\" is not supported in a query");
    }
    const NodePtr t = table("a int4", "1");
    EXPECT_EQ(run(window(t, {win("read_csv", {col(t, 0)}, "int4")})),
              "0A000 aggregate function \"read_csv\" is not supported in a query");
}

StatementLimits never_late(std::shared_ptr<const CancelToken> cancel) {
    static const SystemClock clock;
    return {std::move(cancel), clock, std::numeric_limits<int64_t>::max()};
}

TEST_F(DuckGuardTest, CancelStopsARunningStatement) {
    for (const bool is_in_duck : {true, false}) {
        const NodePtr root = is_in_duck ? endless() : endless()->inputs[0];
        DuckStatement asked = statement(root);
        const auto cancel = std::make_shared<CancelToken>();
        asked.limits = never_late(cancel);
        // Once rows flow, from another thread.
        std::atomic<bool> has_started{false};
        Thread other("canceller", [&] {
            while (!has_started) std::this_thread::yield();
            cancel->cancelled = true;
        });
        has_started = true;
        EXPECT_EQ(run(std::move(asked), root->output).substr(0, 48),
                  "57014 canceling statement due to user request");
        other.join();
    }
    EXPECT_EQ(run(project(one_row(), {num(1)})), "1\n");
}

TEST_F(DuckGuardTest, CancelStopsAKernelThatNeverGivesRows) {
    const NodePtr t = table("a int4", "1");
    DuckStatement asked = statement(aggregate(t, {}, {agg("count", {}, "int8")}));
    const NodePtr root = aggregate(t, {}, {agg("count", {}, "int8")});
    asked.root = root.get();
    const auto cancel = std::make_shared<CancelToken>();
    asked.limits = never_late(cancel);
    class Endless final : public RowSource {
      public:
        explicit Endless(CancelToken* cancel) : cancel_(cancel) {}
        Result<bool> next(Batch& batch) override {
            if (++given_ == 100) cancel_->cancelled = true;
            batch.length = 1;
            batch.columns = {Column::constant(Datum::int4(1), 1)};
            return true;
        }

      private:
        CancelToken* cancel_;
        int given_ = 0;
    };
    asked.open_leaf = [cancel](const Node&) -> Result<RowPiecesPtr> {
        return in_one_piece(std::make_unique<Endless>(cancel.get()));
    };
    EXPECT_EQ(run(std::move(asked), root->output), "57014 canceling statement due to user request");
}

TEST_F(DuckGuardTest, DeadlineStopsAStatement) {
    const SystemClock clock;
    const NodePtr root = endless();
    DuckStatement asked = statement(root);
    asked.limits = StatementLimits(nullptr, clock, clock.monotonic_us() + 50'000);
    EXPECT_EQ(run(std::move(asked), root->output),
              "57014 canceling statement due to statement timeout");
    DuckStatement late = statement(root);
    late.limits = StatementLimits(nullptr, clock, 1);
    EXPECT_EQ(run(std::move(late), root->output),
              "57014 canceling statement due to statement timeout");
    const SteppedClock stepped;
    DuckStatement told = statement(root);
    told.limits = StatementLimits(nullptr, stepped, stepped.monotonic_us() - 1);
    EXPECT_EQ(run(std::move(told), root->output),
              "57014 canceling statement due to statement timeout");
}

TEST_F(DuckGuardTest, MemoryLimitIsACleanErrorAndTheEngineLivesOn) {
    ASSERT_OK_AND_ASSIGN(const auto small,
                         DuckEngine::open({.memory_bytes_max = 32ULL << 20, .threads = 2}));
    const NodePtr n = table_function("generate_series", {num(1), num(3'000'000)}, "n int4");
    const NodePtr wide = project(
        n, {fn("||(text,text)", {fn("cast:text(int4)", {col(n, 0)}), str(" of many long rows")}),
            col(n, 0)});
    const NodePtr sorted = sort(wide, {asc(col(wide, 0))});
    const NodePtr root = aggregate(distinct(wide), {}, {agg("count", {}, "int8")});
    for (const NodePtr& heavy : {sorted, root}) {
        const auto rows = small->run(statement(heavy));
        Result<bool> more = false;
        Batch batch;
        if (rows.has_value()) {
            do more = (*rows)->next(batch);
            while (more.has_value() && *more);
        }
        const Error& error = rows.has_value() ? more.error() : rows.error();
        EXPECT_TRUE(IsError(ErrorCode::kExhausted, "53200")(error));
        EXPECT_FALSE(error.hint().empty());
    }
    const NodePtr light = project(one_row(), {num(1)});
    ASSERT_OK_AND_ASSIGN(const auto rows, small->run(statement(light)));
    Batch batch;
    ASSERT_OK_AND_ASSIGN(const bool more, rows->next(batch));
    EXPECT_TRUE(more);
}

TEST_F(DuckGuardTest, TextsOfOneVectorCountToTheStatement) {
    const SteppedClock clock;
    const auto outcome = [&](int rows) {
        const NodePtr n = table_function("generate_series", {num(1), num(rows)}, "n int4");
        const NodePtr root = project(
            n,
            {fn("repeat(text,int4)", {str("x"), fn("+(int4,int4)", {col(n, 0), num(1 << 20)})})});
        DuckStatement asked = statement(root);
        asked.limits = asked.context.limits =
            StatementLimits(nullptr, clock, std::numeric_limits<int64_t>::max(), 8ULL << 20);
        return run(std::move(asked), root->output).substr(0, 5);
    };
    // What was computed and its copy in DuckDB's vector.
    EXPECT_EQ(outcome(3), "xxxxx");
    EXPECT_EQ(outcome(5), "53200");
    EXPECT_EQ(outcome(100), "53200");
}

/// One long text beside many rows costs as much as many long texts once it is joined with each.
TEST_F(DuckGuardTest, JoinedTextsAreBoundedAndCountToTheStatement) {
    const SteppedClock clock;
    const auto outcome = [&](int rows, int bytes, uint64_t memory_bytes, bool is_aggregated) {
        const NodePtr n = table_function("generate_series", {num(1), num(rows)}, "n int4");
        const NodePtr text = project(one_row(), {fn("repeat(text,int4)", {str("x"), num(bytes)})});
        const NodePtr both = join(JoinKind::kCross, text, n);
        const ExprPtr pair = fn("||(text,text)", {col(both, 0), str("y")});
        const NodePtr joined =
            is_aggregated
                ? aggregate(both, {}, {agg("string_agg", {col(both, 0), col(both, 0)}, "text")})
                : project(both, {pair});
        const NodePtr root = project(joined, {fn("octet_length(text)", {col(joined, 0)})});
        DuckStatement asked = statement(root);
        asked.limits = asked.context.limits =
            StatementLimits(nullptr, clock, std::numeric_limits<int64_t>::max(), memory_bytes);
        return run(std::move(asked), root->output).substr(0, 7);
    };
    constexpr int kTextMax = 4 << 20;
    constexpr uint64_t kPlenty = 64ULL << 20;
    EXPECT_EQ(outcome(1, kTextMax - 2, kPlenty, false), "4194303");
    EXPECT_EQ(outcome(1, kTextMax - 1, kPlenty, false), "4194304");
    EXPECT_EQ(outcome(1, kTextMax, kPlenty, false), "54000 t");
    EXPECT_EQ(outcome(100, kTextMax / 2, kPlenty, false), "53200 o");
    EXPECT_EQ(outcome(2, kTextMax / 2, kPlenty, true), "6291456");
    EXPECT_EQ(outcome(100, kTextMax / 2, kPlenty, true), "53200 o");
}

/// What a chain makes on its way is not held for a whole vector at a time.
TEST_F(DuckGuardTest, ALongChainOfTextsTakesHardlyMoreThanWhatItGives) {
    const SteppedClock clock;
    constexpr int kRows = 8'192;
    constexpr int kOperands = 20;
    constexpr int kBytes = 250;
    const NodePtr n = table_function("generate_series", {num(1), num(kRows)}, "n int4");
    const NodePtr text = project(one_row(), {fn("repeat(text,int4)", {str("x"), num(kBytes)})});
    const NodePtr both = join(JoinKind::kCross, text, n);
    ExprPtr chain = col(both, 0);
    for (int operand = 1; operand < kOperands; ++operand) {
        chain = fn("||(text,text)", {chain, col(both, 0)});
    }
    const NodePtr joined = project(both, {chain});
    const NodePtr lengths = project(joined, {fn("octet_length(text)", {col(joined, 0)})});
    const NodePtr root = aggregate(lengths, {}, {agg("sum", {col(lengths, 0)}, "int8")});
    DuckStatement asked = statement(root);
    constexpr uint64_t kVectorBytes = 2'048ULL * kOperands * kBytes;
    asked.limits = asked.context.limits =
        StatementLimits(nullptr, clock, std::numeric_limits<int64_t>::max(), 3 * kVectorBytes);
    EXPECT_EQ(run(std::move(asked), root->output),
              std::to_string(kRows * kOperands * kBytes) + "\n");
}

TEST_F(DuckGuardTest, ErrorsOfLeavesComeThroughWhole) {
    const NodePtr t = table("a int4", "1");
    const auto failing = [&](bool at_open) {
        DuckStatement asked = statement(t);
        asked.open_leaf = [at_open](const Node&) -> Result<RowPiecesPtr> {
            const Error error =
                Error(ErrorCode::kCorrupt, "segment \"x\" is torn at 'byte' 7\nsecond line")
                    .with_sqlstate("XX001")
                    .with_detail("A detail; with 'quotes' and é.");
            if (at_open) return error;
            class Failing final : public RowSource {
              public:
                explicit Failing(Error error) : error_(std::move(error)) {}
                Result<bool> next(Batch&) override { return error_; }

              private:
                const Error error_;
            };
            return in_one_piece(std::make_unique<Failing>(error));
        };
        return run(std::move(asked), t->output);
    };
    const std::string expected =
        "XX001 segment \"x\" is torn at 'byte' 7\nsecond line | A detail; with 'quotes' and é.";
    EXPECT_EQ(failing(true), expected);
    EXPECT_EQ(failing(false), expected);
}

TEST_F(DuckGuardTest, ErrorsKeepTheirPlaceInTheStatement) {
    const NodePtr t = table("a int4", "0");
    auto call = std::make_shared<Expr>(*fn("/(int4,int4)", {num(1), col(t, 0)}));
    call->position = 8;
    const NodePtr root = project(t, {call});
    const auto rows = engine().run(statement(root));
    Batch batch;
    const Result<bool> more = rows.has_value() ? (*rows)->next(batch) : Result<bool>(rows.error());
    ASSERT_FALSE(more.has_value());
    EXPECT_EQ(more.error().sqlstate(), "22012");
}

TEST_F(DuckGuardTest, AbandonedAnswersLetGo) {
    const NodePtr n = table_function("generate_series",
                                     {lit("int8", "1"), lit("int8", "100000000000")}, "n int8");
    for (int i = 0; i < 20; ++i) {
        ASSERT_OK_AND_ASSIGN(const auto rows, engine().run(statement(n)));
        Batch batch;
        ASSERT_OK_AND_ASSIGN(const bool more, rows->next(batch));
        EXPECT_TRUE(more);
    }
    EXPECT_EQ(run(project(one_row(), {num(1)})), "1\n");
}

TEST_F(DuckGuardTest, BatchesOutliveTheirAnswer) {
    const NodePtr t = table("a text, b numeric", "a text of more than twelve bytes|1.5");
    Batch batch;
    {
        ASSERT_OK_AND_ASSIGN(const auto rows, engine().run(statement(sort(t, {asc(col(t, 0))}))));
        ASSERT_OK_AND_ASSIGN(const bool more, rows->next(batch));
        ASSERT_TRUE(more);
    }
    EXPECT_EQ(to_text(t->output, batch), "a text of more than twelve bytes|1.5\n");
}

TEST_F(DuckGuardTest, TenStatementsAtOnce) {
    const NodePtr t = table("a int4, b text", "1|x\n 2|y\n 3|z\n 4|x");
    const NodePtr series = table_function("generate_series", {num(1), num(30'000)}, "n int4");
    const NodePtr crossed =
        join(JoinKind::kInner, t, series,
             fn("=(int4,int4)",
                {col(t, 0),
                 fn("%(int4,int4)", {plan::column_ref(2, Type::of(TypeKind::kInt4)), num(5)})}));
    const NodePtr groups =
        aggregate(crossed, {col(t, 1)},
                  {agg("sum", {plan::column_ref(2, Type::of(TypeKind::kInt4))}, "int8")});
    const NodePtr root = sort(groups, {asc(col(groups, 0))});
    const NodePtr failing = project(
        series, {fn("/(int4,int4)", {num(1), fn("-(int4,int4)", {col(series, 0), num(20'000)})})});
    std::vector<std::string> answers(10);
    {
        std::vector<Thread> threads;
        for (size_t i = 0; i < answers.size(); ++i) {
            threads.emplace_back("statement", [&, i] {
                for (int round = 0; round < 5; ++round) {
                    answers[i] = i % 5 == 4 ? run(failing) : run(root);
                }
            });
        }
    }
    for (size_t i = 0; i < answers.size(); ++i) {
        EXPECT_EQ(answers[i],
                  i % 5 == 4 ? "22012 division by zero" : "x|180000000\ny|89997000\nz|90003000\n")
            << i;
    }
}

TEST_F(DuckGuardTest, DeepQueriesWorkAndDeeperOnesAreRefused) {
    const NodePtr t = table("a int4", "1\n 2");
    const auto nested = [&](int depth) {
        NodePtr node = t;
        for (int i = 0; i < depth; ++i) {
            node = project(filter(node, fn(">(int4,int4)", {col(node, 0), num(-1)})),
                           {fn("+(int4,int4)", {col(node, 0), num(1)})});
        }
        return node;
    };
    EXPECT_EQ(run(nested(20)), "21\n22\n");
    EXPECT_EQ(run(nested(100)), "101\n102\n");
    EXPECT_EQ(run(nested(300)), "54001 query is nested too deeply");
}

TEST_F(DuckGuardTest, DeepExpressionsStayWithTheKernel) {
    const NodePtr t = table("a int4, b bool", "1|t");
    ExprPtr sum = col(t, 0);
    ExprPtr logic = col(t, 1);
    for (int i = 0; i < 400; ++i) {
        sum = fn("+(int4,int4)", {sum, num(1)});
        logic = not_(logic);
    }
    EXPECT_EQ(run(project(t, {sum, logic})), "401|t\n");
    std::vector<ExprPtr> list = {col(t, 0)};
    for (int i = 0; i < 5000; ++i) list.push_back(num(i + 10));
    EXPECT_EQ(run(project(t, {boolean(Kind::kIn, list)})), "f\n");
}

TEST_F(DuckGuardTest, ScansReadOnlyTheColumnsInUse) {
    const NodePtr t = table("a int4, b text, c int4", "1|x|2\n 3|y|4");
    std::vector<std::vector<int>> asked;
    const auto watched = [&](const NodePtr& root) {
        DuckStatement out = statement(root);
        out.open_leaf = [open = out.open_leaf, &asked](const Node& leaf) {
            asked.push_back(leaf.scan_columns);
            return open(leaf);
        };
        return run(std::move(out), root->output);
    };
    EXPECT_EQ(watched(project(t, {col(t, 2)})), "2\n4\n");
    EXPECT_EQ(watched(aggregate(t, {}, {agg("count", {}, "int8")})), "2\n");
    EXPECT_EQ(asked, (std::vector<std::vector<int>>{{2}, {}}));
}

TEST_F(DuckGuardTest, ConditionsMoveToScansThatTakeThem) {
    const NodePtr l = table("a int4, b text", "1|x\n 2|y\n 3|z");
    const NodePtr r = table("c int4, d text", "1|p\n 2|q\n 3|r");
    const ExprPtr on =
        fn("=(int4,int4)", {col(l, 0), plan::column_ref(2, Type::of(TypeKind::kInt4))});
    const ExprPtr left = fn(">(int4,int4)", {col(l, 0), num(1)});
    const ExprPtr right =
        fn("<(text,text)", {plan::column_ref(3, Type::of(TypeKind::kText)), str("r")});
    std::vector<std::string> filters;
    const auto watched = [&](const NodePtr& root) {
        filters.clear();
        DuckStatement out = statement(root);
        out.is_kernel_leaf = [is_leaf = out.is_kernel_leaf](const Node& node) {
            return is_leaf(node) || (node.kind == Node::Kind::kFilter && is_leaf(*node.inputs[0]));
        };
        out.open_leaf = [this, open = out.open_leaf,
                         &filters](const Node& leaf) -> Result<RowPiecesPtr> {
            if (leaf.kind == Node::Kind::kScan) return open(leaf);
            filters.push_back(plan::to_sql(*leaf.predicate, {"$0", "$1"}));
            const NodePtr again = std::make_shared<Node>(leaf);
            return in_one_piece(TRY(engine().run(statement(again))));
        };
        return run(std::move(out), root->output);
    };
    EXPECT_EQ(watched(filter(join(JoinKind::kInner, l, r, on), all_of({left, right}))),
              "2|y|2|q\n");
    EXPECT_EQ(filters.size(), 2U);
    EXPECT_EQ(watched(filter(join(JoinKind::kLeft, l, r, on), all_of({left, right}))), "2|y|2|q\n");
    EXPECT_EQ(filters.size(), 1U) << "not to the side that may be NULL";
    EXPECT_EQ(watched(project(join(JoinKind::kInner, l, r, all_of({on, left})), {col(l, 1)})),
              "y\nz\n");
    EXPECT_EQ(filters.size(), 1U);
}

}  // namespace
}  // namespace braid::read::test
