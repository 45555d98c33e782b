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
#include "runtime/memory.h"

namespace sinter::runtime {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "elements are copied as they lie in the file");

constexpr uint64_t kLongestHeader = 100'000'000;  // the reference implementation's limit
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

std::string type_name(Stored type) {
  return std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& row) { return row.type == type; })
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

std::string safetensors_head(SafetensorsLayout& layout, SafetensorsOrder kind) {
  struct Placed {
    const std::string* name;
    SafetensorsLayout::Entry* entry;
    uint64_t bytes;
  };
  std::vector<Placed> order;
  for (auto& [name, entry] : layout.entries) {
    if (name == kMetadata) throw RuntimeError("a tensor may not be named __metadata__");
    order.push_back(
        {&name, &entry, static_cast<uint64_t>(element_count(entry.shape)) * size_in_bytes(entry.type)});
  }
  const bool by_line = kind == SafetensorsOrder::by_line;
  const auto alignment = [&](const Placed& placed) -> uint64_t {
    if (!by_line) return size_in_bytes(placed.entry->type);
    return placed.bytes == 0 ? kCacheLine : std::min(kCacheLine, placed.bytes & -placed.bytes);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const Placed& a, const Placed& b) { return alignment(a) > alignment(b); });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!layout.metadata.empty()) header[kMetadata] = layout.metadata;
  uint64_t offset = 0;
  for (const Placed& placed : order) {
    nlohmann::ordered_json entry;
    entry["dtype"] = type_name(placed.entry->type);
    entry["shape"] = placed.entry->shape;
    entry["data_offsets"] = {offset, offset + placed.bytes};
    header[*placed.name] = std::move(entry);
    placed.entry->begin = offset;
    offset += placed.bytes;
  }

  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception&) {
    throw RuntimeError("a name or text is not UTF-8");
  }
  uint64_t length = 0;
  const size_t multiple = by_line ? kCacheLine : sizeof(length);
  text.append((multiple - (sizeof(length) + text.size()) % multiple) % multiple, ' ');
  length = text.size();
  if (length > kLongestHeader) throw RuntimeError("the header is too long");
  for (const Placed& placed : order) placed.entry->begin += sizeof(length) + length;
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + text;
}

void write_safetensors(const std::string& path, const SafetensorsFile& file, SafetensorsOrder order) {
  SafetensorsLayout layout{file.metadata, {}};
  std::string head;
  try {
    for (const auto& [name, tensor] : file.tensors) {
      if (!tensor.defined()) throw RuntimeError(fmt::format("tensor '{}' is undefined", name));
      layout.entries.emplace(name, SafetensorsLayout::Entry{stored(tensor.dtype()), tensor.shape(), 0});
    }
    head = safetensors_head(layout, order);
  } catch (const RuntimeError& error) {
    throw RuntimeError(fmt::format("cannot write {}: {}", path, error.what()));
  }
  std::map<uint64_t, std::string_view> places = {{0, head}};
  for (const auto& [name, tensor] : file.tensors) {
    const std::string_view bytes(static_cast<const char*>(tensor.raw()), tensor.bytes());
    if (!bytes.empty()) places.emplace(layout.entries.at(name).begin, bytes);
  }
  std::vector<std::string_view> parts;
  for (const auto& [begin, bytes] : places) parts.push_back(bytes);
  write_file_atomically(path, parts);
}

}  // namespace sinter::runtime
