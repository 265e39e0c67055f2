// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/view_plan.h"
#include "read/reader.h"
#include "serving/system/catalog_functions.h"
#include "serving/system/system_view.h"
#include "sql/sql.h"

namespace braid::serving {

/// Where braid.quarantine comes from: it reads segments and log, which serving does not know.
/// Thread-safe.
class QuarantineSource {
  public:
    virtual ~QuarantineSource() = default;
    /// All bad records that are kept: stream text, _partition int4, _offset int8, _ingested_at
    /// timestamptz, _error text, _raw text.
    virtual Result<std::vector<Batch>> rows(const read::ReadOptions& options) = 0;
};

/// pg_catalog, information_schema and braid of one session: their columns and functions for the
/// binder, their rows for the reader. Everything shows the state that use() gave last. One thread
/// at a time.
class SystemCatalog final : public sql::SystemRelations, public read::SystemSource {
  public:
    /// All must outlive it; `quarantine` and `view_plans` may be null.
    SystemCatalog(const Control& control, const Settings& settings, const ReceiptLog& receipts,
                  QuarantineSource* quarantine, plan::ViewPlans* view_plans);

    /// A statement begins, at this state.
    void use(manifest::StatePtr state, const SessionFacts& facts);
    /// The definition of a materialized view is being bound: no function of the session is known in
    /// it.
    void forbid_session_functions(bool forbidden) { forbids_session_ = forbidden; }
    /// Whether what was bound since the last call depends on the time, and so holds for one
    /// execution only.
    bool take_depends_on_now() { return std::exchange(depends_on_now_, false); }

    /// How a value of an OID type is written: its object's name, or the digits if there is none.
    std::string name_of(TypeAlias alias, int64_t oid) const;

    bool has_schema(std::string_view schema) const override;
    std::optional<Schema> find(std::string_view schema, std::string_view name) const override;
    std::optional<Schema> find_table_function(std::string_view schema, std::string_view name,
                                              size_t argument_count) const override;
    std::vector<sql::SqlFunction> find_functions(std::string_view name) const override;
    std::optional<int64_t> relation_oid(std::string_view schema,
                                        std::string_view name) const override;
    std::optional<Datum> session_value(std::string_view name,
                                       std::span<const Datum> arguments) const override;

    Result<std::vector<Batch>> rows(const plan::Node& scan,
                                    const read::ReadOptions& options) override;

  private:
    const CatalogImage& image() const;

    const Control& control_;
    const Settings& settings_;
    const ReceiptLog& receipts_;
    QuarantineSource* const quarantine_;
    plan::ViewPlans* const view_plans_;
    manifest::StatePtr state_;
    SessionFacts facts_;
    bool forbids_session_ = false;
    mutable bool depends_on_now_ = false;
    /// Made when first asked for, from the state of that name.
    mutable std::optional<CatalogImage> image_;
    mutable manifest::StatePtr image_state_;
};

}  // namespace braid::serving
