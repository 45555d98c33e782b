#include "runtime/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <vector>

#include "runtime/error.h"
#include "runtime/file.h"

namespace sinter::runtime {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "elements are copied as they lie in the file");

constexpr uint64_t kLongestHeader = 100'000'000;  // the reference implementation's limit
constexpr size_t kAlignment = 8;                  // of the data in the file
constexpr const char* kMetadata = "__metadata__";

struct TypeRow {
  const char* name;
  Stored type;
};
constexpr std::array<TypeRow, 12> kTypes = {{{"F16", Stored::f16},
                                             {"BF16", Stored::bf16},
                                             {"F32", Stored::f32},
                                             {"F64", Stored::f64},
                                             {"I32", Stored::i32},
                                             {"I64", Stored::i64},
                                             {"BOOL", Stored::boolean},
                                             {"U8", Stored::u8},
                                             {"I8", Stored::i8},
                                             {"U16", Stored::u16},
                                             {"I16", Stored::i16},
                                             {"U32", Stored::u32}}};

std::string type_name(DType type) {
  return std::find_if(kTypes.begin(), kTypes.end(),
                      [&](const TypeRow& row) { return row.type == stored(type); })
      ->name;
}

struct Entry {
  std::string name;
  Stored type;
  Shape shape;
  uint64_t begin;  // in the data
  uint64_t end;
};

class Reader {
 public:
  explicit Reader(const ReadableFile& file) : file_(file) {}

  SafetensorsLayout layout() {
    const json header = parse_header();
    SafetensorsLayout layout;
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == kMetadata) {
        layout.metadata = metadata(value);
      } else {
        entries.push_back(entry(name, value));
      }
    }
    check_layout(entries);
    for (Entry& entry : entries) {
      layout.entries.emplace(
          entry.name, SafetensorsLayout::Entry{entry.type, std::move(entry.shape), data_ + entry.begin});
    }
    return layout;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw RuntimeError(fmt::format("{}: damaged safetensors file: {}", file_.path(), what));
  }

  json parse_header() {
    uint64_t length = 0;
    const uint64_t size = file_.size();
    if (size < sizeof(length)) fail(fmt::format("{} bytes hold no header length", size));
    file_.read(0, sizeof(length), &length);
    if (length > kLongestHeader) fail(fmt::format("a header of {} bytes is too long", length));
    if (length > size - sizeof(length)) {
      fail(fmt::format("the header should have {} bytes, {} follow", length, size - sizeof(length)));
    }
    data_ = sizeof(length) + length;
    data_size_ = size - data_;

    std::vector<std::set<std::string>> keys;  // of the objects that are open
    const auto refuse_duplicates = [&](int, json::parse_event_t event, json& parsed) {
      if (event == json::parse_event_t::object_start) keys.emplace_back();
      if (event == json::parse_event_t::object_end) keys.pop_back();
      if (event == json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
        fail(fmt::format("the header has the key '{}' twice", parsed.get<std::string>()));
      }
      return true;
    };
    json header;
    try {
      header = json::parse(file_.read(sizeof(length), length), refuse_duplicates);
    } catch (const json::parse_error& error) {
      fail(fmt::format("the header is not JSON (byte {})", error.byte));
    } catch (const json::out_of_range&) {
      fail("the header has a number that no type holds");
    }
    if (!header.is_object()) fail("the header is not a JSON object");
    return header;
  }

  std::map<std::string, std::string> metadata(const json& value) const {
    if (!value.is_object()) fail("__metadata__ is not an object");
    std::map<std::string, std::string> map;
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail(fmt::format("__metadata__ '{}' is not a string", key));
      map.emplace(key, text.get<std::string>());
    }
    return map;
  }

  std::vector<uint64_t> unsigned_array(const std::string& name, const json& value, const char* key) const {
    const auto array = value.find(key);
    if (array == value.end()) fail(fmt::format("tensor '{}' has no {}", name, key));
    const bool good = array->is_array() && std::all_of(array->begin(), array->end(), [](const json& element) {
                        return element.is_number_unsigned();
                      });
    if (!good) fail(fmt::format("tensor '{}': {} is not an array of whole numbers", name, key));
    return array->get<std::vector<uint64_t>>();
  }

  Entry entry(const std::string& name, const json& value) const {
    if (!value.is_object()) fail(fmt::format("tensor '{}' is not an object", name));
    const auto type = value.find("dtype");
    if (type == value.end() || !type->is_string()) fail(fmt::format("tensor '{}' has no dtype", name));
    const auto row =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& r) { return *type == r.name; });
    if (row == kTypes.end()) {
      throw RuntimeError(fmt::format("{}: tensor '{}': type {} is not supported", file_.path(), name,
                                     type->get_ref<const std::string&>()));
    }

    Entry entry{name, row->type, {}, 0, 0};
    int64_t size = static_cast<int64_t>(size_in_bytes(row->type));
    for (uint64_t extent : unsigned_array(name, value, "shape")) {
      if (__builtin_mul_overflow(size, extent, &size) || extent > static_cast<uint64_t>(INT64_MAX)) {
        fail(fmt::format("tensor '{}': the shape is too large", name));
      }
      entry.shape.push_back(static_cast<int64_t>(extent));
    }

    const std::vector<uint64_t> offsets = unsigned_array(name, value, "data_offsets");
    if (offsets.size() != 2) fail(fmt::format("tensor '{}': data_offsets is not a pair", name));
    entry.begin = offsets[0];
    entry.end = offsets[1];
    if (entry.begin > entry.end || entry.end > data_size_) {
      fail(fmt::format("tensor '{}': offsets {} to {} are outside the data of {} bytes", name, entry.begin,
                       entry.end, data_size_));
    }
    if (entry.end - entry.begin != static_cast<uint64_t>(size)) {
      fail(fmt::format("tensor '{}': {} needs {} bytes, its offsets {} to {} give {}", name,
                       to_string(entry.type, entry.shape), size, entry.begin, entry.end,
                       entry.end - entry.begin));
    }
    return entry;
  }

  void check_layout(std::vector<Entry>& entries) const {
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
    uint64_t end = 0;
    const Entry* previous = nullptr;
    for (const Entry& entry : entries) {
      if (entry.begin < end) fail(fmt::format("tensors '{}' and '{}' overlap", previous->name, entry.name));
      if (entry.begin > end) fail(fmt::format("bytes {} to {} belong to no tensor", end, entry.begin));
      end = entry.end;
      previous = &entry;
    }
    if (end != data_size_) fail(fmt::format("bytes {} to {} belong to no tensor", end, data_size_));
  }

  const ReadableFile& file_;
  uint64_t data_ = 0;  // where it begins
  uint64_t data_size_ = 0;
};

}  // namespace

SafetensorsLayout safetensors_layout(const ReadableFile& file) {
  return Reader(file).layout();
}

SafetensorsFile read_safetensors(const std::string& path) {
  const ReadableFile file(path);
  SafetensorsLayout layout = safetensors_layout(file);
  SafetensorsFile result;
  result.metadata = std::move(layout.metadata);
  for (const auto& [name, entry] : layout.entries) {
    HostTensor tensor(held_as(entry.type), entry.shape);
    read_held(file, entry.begin, entry.type, static_cast<size_t>(tensor.size()), tensor.raw());
    result.tensors.emplace(name, std::move(tensor));
  }
  return result;
}

void write_safetensors(const std::string& path, const SafetensorsFile& file) {
  const auto fail = [&](std::string_view what) -> void {
    throw RuntimeError(fmt::format("cannot write {}: {}", path, what));
  };
  // The widest elements first keep every tensor aligned to its elements.
  std::vector<const std::pair<const std::string, HostTensor>*> order;
  for (const auto& item : file.tensors) {
    if (item.first == kMetadata) fail("a tensor may not be named __metadata__");
    if (!item.second.defined()) fail(fmt::format("tensor '{}' is undefined", item.first));
    order.push_back(&item);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return size_in_bytes(a->second.dtype()) > size_in_bytes(b->second.dtype());
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) header[kMetadata] = file.metadata;
  uint64_t offset = 0;
  std::vector<std::string_view> parts(2);
  for (const auto* item : order) {
    const auto& [name, tensor] = *item;
    nlohmann::ordered_json entry;
    entry["dtype"] = type_name(tensor.dtype());
    entry["shape"] = tensor.shape();
    entry["data_offsets"] = {offset, offset + tensor.bytes()};
    header[name] = std::move(entry);
    parts.emplace_back(static_cast<const char*>(tensor.raw()), tensor.bytes());
    offset += tensor.bytes();
  }

  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception&) {
    fail("a name or text is not UTF-8");
  }
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  const uint64_t length = text.size();
  if (length > kLongestHeader) fail("the header is too long");
  parts[0] = {reinterpret_cast<const char*>(&length), sizeof(length)};
  parts[1] = text;
  write_file_atomically(path, parts);
}

}  // namespace sinter::runtime
