// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace braid {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct FileInfo {
    uint64_t bytes = 0;
    uint64_t device = 0;  // this and the next: only where files have such numbers
    uint64_t inode = 0;
    bool is_directory = false;
    int64_t modified_us = 0;
};

/// What takes bytes one after the other. One writer; not thread-safe.
class Appendable {
  public:
    virtual ~Appendable() = default;
    /// After an error some of the bytes may have been taken.
    virtual Result<void> append(Bytes bytes) = 0;
    virtual uint64_t size() const = 0;
};

/// A file open for reading at positions. Thread-safe. Keeps reading the same file after a rename or
/// remove.
class ReadableFile {
  public:
    virtual ~ReadableFile() = default;
    /// Reads up to buffer.size() bytes; fewer only at the end of the file. Returns how many.
    virtual Result<size_t> read_at(uint64_t position, std::span<std::byte> buffer) const = 0;
    virtual Result<uint64_t> size() const = 0;
    virtual Result<FileInfo> info() const = 0;
};

/// What became of an attempt to put a new file. A put that failed is an Error: the name was not
/// taken by it, and nothing of it is left under that name.
enum class [[nodiscard]] PutOutcome : uint8_t {
    kDone,     // the name holds exactly these bytes, and a power cut does not change that
    kExists,   // the name holds other bytes; they are untouched
    kUnknown,  // the name may or may not hold these bytes, now or after a power cut
};

/// A file that is being written and has no name yet. One that ends without put() leaves nothing
/// under its name.
class NewFile : public Appendable {
  public:
    /// Gives the file its name: all or nothing, also after a power cut, and never over a file that
    /// has the name already. May be called again after kExists, once the name is free, and after
    /// kUnknown: it then goes on to find out, and says kUnknown again where that cannot be known.
    ///
    /// Where a step fails whose effect cannot be known (a reply that was lost), the name is read
    /// back and its content tells. So two writers of the same bytes may both be told kDone; whoever
    /// must know which of them it was writes something of its own into them.
    virtual Result<PutOutcome> put() = 0;
};

/// Where finished files lie: manifest, dataset, runs. It may be shared by processes and lie on
/// other machines, so it offers what a directory, HDFS and S3 can keep alike: files appear whole,
/// by put_new, and never change. Directories are there because of the files in them. Paths are
/// relative to the store's root, use '/' and never contain "..". Names that begin with "_tmp/" are
/// the store's own. Thread-safe. tests: base/store_conformance_test_support.h.
class Store {
  public:
    virtual ~Store() = default;

    /// Begins a file that will be called `path`.
    virtual Result<std::unique_ptr<NewFile>> begin_put(const std::string& path) = 0;
    virtual Result<std::unique_ptr<ReadableFile>> open(const std::string& path) = 0;
    virtual Result<std::string> read_all(const std::string& path) = 0;

    /// Names (not paths) in a directory, sorted. NotFound if it does not exist.
    virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
    virtual Result<FileInfo> info(const std::string& path) = 0;
    virtual Result<bool> exists(const std::string& path) = 0;
    virtual Result<void> remove(const std::string& path) = 0;
    /// Conflict while something is in it. A store in which directories are only parts of names has
    /// nothing to do.
    virtual Result<void> remove_directory(const std::string& path) = 0;
    /// Makes removals of files in this directory survive a power cut.
    virtual Result<void> sync_directory(const std::string& path) = 0;
    /// Whether link() and exchange() can be had here. Where they cannot they are Unsupported, and
    /// nothing that lies in the store may be replaced for those who read it by listing.
    virtual Result<bool> can_exchange() { return false; }
    /// Gives a file one more name, never over another: AlreadyExists. Directories that are missing
    /// are made. Removing one name leaves the other. Durable after sync_directory.
    virtual Result<void> link(const std::string& from, const std::string& to);
    /// Exchanges two directories in one step: whoever lists one of them, at any moment, finds all
    /// that was in it or all that will be. What lies in them is durable before they change places,
    /// and that they did when this returns; after an error they may or may not have.
    virtual Result<void> exchange(const std::string& directory, const std::string& other);
    /// An absolute local path for libraries that open files themselves; empty if there is none.
    virtual std::string local_path(const std::string& path) const = 0;
};

/// A new file of these bytes, as NewFile::put.
Result<PutOutcome> put_new(Store& store, const std::string& path, Bytes bytes);

/// For callers to whom all but kDone is an error: AlreadyExists for kExists, Unavailable for
/// kUnknown.
Result<void> must_be_done(PutOutcome outcome, const std::string& path);

}  // namespace braid
