#include "backends/vulkan/player/program_file.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "backends/layout_bytes.h"
#include "backends/vulkan/player/image_bytes.h"
#include "runtime/error.h"
#include "runtime/file.h"

namespace sinter::vulkan {
namespace {

using backends::check_stored;
using nlohmann::json;

// One more with each change of what the file holds or of what its kernels expect of those who run them.
constexpr uint32_t kFormat = 3;

// Before the rest, which is MessagePack.
struct Head {
  std::array<char, 8> magic{'s', 'i', 'n', 't', 'e', 'r', 'v', 'k'};
  uint32_t format = kFormat;
  uint32_t unused = 0;
  uint64_t checksum = 0;  // of the rest
};

Image image_of(const json& fields, const std::vector<runtime::TensorSpec>& states) {
  auto image = from_bytes(backends::bytes_from_json(fields));
  check_stored(image.has_value() && image->meetings.empty());
  for (const runtime::Slot& slot : image->slots)
    check_stored(slot.kind != runtime::Slot::Kind::state || slot.ordinal < states.size());
  return std::move(*image);
}

json to_json(const backends::Rows& rows) {
  json outputs = json::array();
  for (const auto& [axis, why_not] : rows.outputs) outputs.push_back({axis, why_not});
  return {
      {"count", rows.count}, {"none", rows.none}, {"inputs", rows.inputs}, {"outputs", std::move(outputs)}};
}

// That a function with these inputs and outputs can have.
void check_rows(const backends::Rows& rows, const Image& image) {
  check_stored(rows.count >= 0);
  if (rows.count == 0) return;
  check_stored(rows.inputs.size() == image.inputs.size() && rows.outputs.size() == image.outputs.size());
  for (size_t i = 0; i < rows.inputs.size(); ++i) {
    const runtime::Shape& shape = image.inputs[i].shape;
    check_stored(!rows.inputs[i] || (!shape.empty() && shape[0] == rows.count));
  }
  for (size_t i = 0; i < rows.outputs.size(); ++i) {
    const runtime::Shape& shape = image.outputs[i].shape;
    const int64_t axis = rows.outputs[i].axis;
    check_stored(axis < static_cast<int64_t>(shape.size()) &&
                 (axis < 0 || shape[static_cast<size_t>(axis)] % rows.count == 0));
  }
}

backends::Rows rows_of(const json& fields) {
  backends::Rows rows{fields.at("count"), fields.at("none"), fields.at("inputs"), {}};
  for (const json& output : fields.at("outputs")) rows.outputs.push_back({output.at(0), output.at(1)});
  return rows;
}

ProgramFile from_json(const json& fields) {
  ProgramFile file{fields.at("needs"), fields.at("seed"), backends::specs_from_json(fields.at("states")), {}};
  for (const json& function : fields.at("functions")) {
    file.functions.push_back({{function.at("name"), function.at("of"), function.at("sizes"),
                               function.at("writes_state"), rows_of(function.at("rows"))},
                              image_of(function.at("image"), file.states)});
    check_rows(file.functions.back().info.rows, file.functions.back().image);
  }
  return file;
}

}  // namespace

std::string to_bytes(const ProgramFile& file) {
  json functions = json::array();
  for (const auto& [info, image] : file.functions) {
    functions.push_back({{"name", info.name},
                         {"of", info.of},
                         {"sizes", info.sizes},
                         {"writes_state", info.writes_state},
                         {"rows", to_json(info.rows)},
                         {"image", backends::to_json(to_bytes(image))}});
  }
  const json fields = {{"needs", file.needs},
                       {"seed", file.seed},
                       {"states", backends::to_json(file.states)},
                       {"functions", std::move(functions)}};
  Head head;
  std::string bytes(sizeof head, '\0');
  json::to_msgpack(fields, bytes);
  head.checksum = runtime::checksum(std::string_view(bytes).substr(sizeof head));
  std::memcpy(bytes.data(), &head, sizeof head);
  return bytes;
}

ProgramFile program_from_bytes(std::string_view bytes, const std::string& path) {
  Head head;
  const Head expected;
  const bool has_head = bytes.size() >= sizeof head;
  if (has_head) std::memcpy(&head, bytes.data(), sizeof head);
  if (!has_head || head.magic != expected.magic) {
    throw RuntimeError(fmt::format("{}: it is no program that Sinter has exported for vulkan", path));
  }
  if (head.format != expected.format) {
    throw RuntimeError(fmt::format("{}: it is of format {}, this Sinter plays format {}: export it anew",
                                   path, head.format, expected.format));
  }
  bytes.remove_prefix(sizeof head);
  try {
    check_stored(runtime::checksum(bytes) == head.checksum);
    return from_json(backends::fields_of(bytes));
  } catch (const std::exception&) {
    throw RuntimeError(fmt::format("{}: it is damaged", path));
  }
}

}  // namespace sinter::vulkan
