// SPDX-License-Identifier: Apache-2.0
#include "columnar/column.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "columnar/test_support.h"

namespace braid {
namespace {

const Schema kOneText = schema_of("path text");

std::string rows_of(const Column& column) {
    const Schema schema{{{"value", column.type()}}};
    return to_text(schema, {column.length(), {column}});
}

Column text_column(std::string_view rows) { return batch_of(kOneText, rows).columns[0]; }

TEST(Column, KeepsTextAliveAfterItsBatch) {
    Column kept;
    {
        const Batch batch = batch_of(kOneText, "alpha\nNULL\nbeta");
        kept = batch.columns[0].gather(std::vector<uint32_t>{2, 1});
    }
    EXPECT_EQ(rows_of(kept), "beta\nNULL\n");
}

TEST(Column, GathersEachEncoding) {
    const std::vector<uint32_t> rows = {2, 0, 1, 2};
    EXPECT_EQ(rows_of(text_column("a\nb\nNULL").gather(rows)), "NULL\na\nb\nNULL\n");

    const Column constant = Column::constant(Datum::int8(7), 3).gather(rows);
    EXPECT_EQ(constant.encoding(), Column::Encoding::kConstant);
    EXPECT_EQ(rows_of(constant), "7\n7\n7\n7\n");

    const Column dictionary = Column::dictionary(text_column("x\ny"), {1, -1, 0}).gather(rows);
    EXPECT_EQ(dictionary.encoding(), Column::Encoding::kDictionary);
    EXPECT_EQ(rows_of(dictionary), "x\ny\nNULL\nx\n");
}

TEST(Column, FlattensEachEncoding) {
    const Column dictionary = Column::dictionary(text_column("x\ny"), {1, -1, 0, 1}).flattened();
    EXPECT_EQ(dictionary.encoding(), Column::Encoding::kFlat);
    EXPECT_EQ(rows_of(dictionary), "y\nNULL\nx\ny\n");
    EXPECT_EQ(rows_of(Column::constant(Datum::text("k"), 2).flattened()), "k\nk\n");
    EXPECT_EQ(rows_of(Column::constant(Datum::null(Type::of(TypeKind::kInt4)), 2).flattened()),
              "NULL\nNULL\n");
    EXPECT_EQ(rows_of(Column::dictionary(text_column(""), {-1, -1}).flattened()), "NULL\nNULL\n");
}

TEST(Column, SlicesEachEncoding) {
    EXPECT_EQ(rows_of(text_column("a\nNULL\nc\nd").slice(1, 2)), "NULL\nc\n");
    EXPECT_EQ(rows_of(Column::constant(Datum::boolean(true), 5).slice(3, 2)), "t\nt\n");
    EXPECT_EQ(rows_of(Column::dictionary(text_column("x\ny"), {1, -1, 0}).slice(1, 2)),
              "NULL\nx\n");
    EXPECT_EQ(rows_of(text_column("a\nb").slice(2, 0)), "");
}

TEST(Column, TellsWhetherItMayHaveNulls) {
    EXPECT_FALSE(text_column("a\nb").may_have_nulls());
    EXPECT_TRUE(text_column("a\nNULL").may_have_nulls());
    EXPECT_FALSE(Column::dictionary(text_column("x"), {0, 0}).may_have_nulls());
    EXPECT_TRUE(Column::dictionary(text_column("x"), {0, -1}).may_have_nulls());
}

TEST(Column, TakesAnotherTypeOfItsKind) {
    const Type name = Type::aliased(TypeKind::kText, TypeAlias::kName);
    EXPECT_EQ(text_column("a").with_type(name).type(), name);
    const Column dictionary = Column::dictionary(text_column("x"), {0}).with_type(name);
    EXPECT_EQ(dictionary.flattened().type(), name);
    EXPECT_DEATH(text_column("a").with_type(Type::of(TypeKind::kInt4)), "");
}

TEST(Column, RefusesCodesOutsideItsDictionary) {
    EXPECT_DEATH(Column::dictionary(text_column("x"), {1}), "");
    EXPECT_DEATH(Column::dictionary(text_column("x"), {-2}), "");
}

TEST(Column, GivesEveryKindAsDatum) {
    const Schema schema = schema_of(
        "a bool, b int4, c int8, d numeric, e float8, f text, g date, h timestamp, i timestamptz, "
        "j interval");
    const char* row =
        "t|1|2|3.50|4.5|five|2015-05-20|2015-05-20 10:05:03|2015-05-20 10:05:03+00|1 day\n";
    const Batch batch = batch_of(schema, row);
    EXPECT_EQ(to_text(schema, batch), row);
    Batch again{1, {}};
    for (const Column& column : batch.columns) {
        const Datum value = column.datum(0);
        EXPECT_FALSE(value.is_null());
        again.columns.push_back(Column::constant(value, 1));
        ColumnBuilder builder(column.type());
        builder.append_from(column, 0);
        builder.append_null();
        EXPECT_TRUE(builder.finish().is_null(1));
    }
    EXPECT_EQ(to_text(schema, again), row);
}

TEST(ColumnBuilder, HoldsWhatItsViewsPointTo) {
    auto bytes = std::make_shared<const std::string>("borrowed");
    ColumnBuilder builder(Type::of(TypeKind::kText));
    builder.append_text_view(*bytes);
    builder.hold(bytes);
    std::weak_ptr<const std::string> watch = bytes;
    bytes.reset();
    Column column = builder.finish();
    EXPECT_FALSE(watch.expired());
    EXPECT_EQ(rows_of(column), "borrowed\n");
    column = Column();
    EXPECT_TRUE(watch.expired());
}

TEST(ColumnBuilder, StartsAnewAfterFinish) {
    ColumnBuilder builder(Type::of(TypeKind::kInt4));
    builder.append_null();
    EXPECT_EQ(rows_of(builder.finish()), "NULL\n");
    builder.append_int4(3);
    EXPECT_EQ(builder.length(), 1U);
    EXPECT_EQ(rows_of(builder.finish()), "3\n");
}

TEST(ColumnBuilder, CopiesTextAcrossArenaBlocks) {
    ColumnBuilder builder(Type::of(TypeKind::kText));
    for (size_t i = 0; i < 3000; i++)
        builder.append_text(std::string(i, static_cast<char>('a' + i % 26)));
    const Column column = builder.finish();
    for (size_t i = 0; i < 3000; i++) {
        ASSERT_EQ(column.at<std::string_view>(i), std::string(i, static_cast<char>('a' + i % 26)));
    }
    EXPECT_EQ(column.bytes_used(), 3000 * sizeof(std::string_view) + 3000 * 2999 / 2);
}

TEST(Batch, GathersAndSlicesAllColumns) {
    const Schema schema = schema_of("path text, status int4");
    const Batch batch = batch_of(schema, R"(
        /a   | 200
        NULL | 404
        /c   | NULL
    )");
    EXPECT_EQ(to_text(schema, batch), "/a|200\nNULL|404\n/c|NULL\n");
    EXPECT_EQ(to_text(schema, batch.gather(std::vector<uint32_t>{2, 0})), "/c|NULL\n/a|200\n");
    EXPECT_EQ(to_text(schema, batch.slice(1, 1)), "NULL|404\n");
    EXPECT_EQ(schema.find("status"), 1);
    EXPECT_EQ(schema.find("Status"), -1);
}

}  // namespace
}  // namespace braid
