#include "backends/cpu/compile/image_bytes.h"

#include <nlohmann/json.hpp>
#include <span>

// Fields that need no word of their own: MessagePack, which takes bytes as they are.
namespace sinter::runtime {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TensorSpec, name, dtype, shape)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FaultSite, kind, op, subject, shape, bound, location)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(KernelInfo, function, name, sources, flops, bytes)

}  // namespace sinter::runtime

namespace sinter::cpu {
namespace {

using nlohmann::json;

template <typename Bytes>
json binary(const Bytes& bytes) {
  const auto* begin = reinterpret_cast<const uint8_t*>(bytes.data());
  return json::binary({begin, begin + bytes.size()});
}

json slot_to_json(const runtime::Slot& slot) {
  return {slot.kind, slot.ordinal, slot.offset, slot.bytes, binary(slot.data)};
}

runtime::Slot slot_from_json(const json& fields) {
  runtime::Slot slot{fields.at(0), fields.at(1), fields.at(2), fields.at(3), {}};
  const auto bytes = std::as_bytes(std::span(fields.at(4).get_binary()));
  slot.data.assign(bytes.begin(), bytes.end());
  return slot;
}

}  // namespace

std::string to_bytes(const UnloadedImage& image) {
  const runtime::ProgramLayout& layout = image.layout;
  json slots = json::array(), files = json::array();
  for (const runtime::Slot& slot : layout.slots) slots.push_back(slot_to_json(slot));
  for (const std::string& file : image.files) files.push_back(binary(file));
  std::string bytes;
  json::to_msgpack({{"name", layout.name},
                    {"inputs", layout.inputs},
                    {"outputs", layout.outputs},
                    {"slots", std::move(slots)},
                    {"faults", layout.faults},
                    {"infos", layout.infos},
                    {"arena_bytes", layout.arena_bytes},
                    {"scratch_bytes", image.scratch_bytes},
                    {"files", std::move(files)}},
                   bytes);
  return bytes;
}

std::optional<UnloadedImage> from_bytes(std::string_view bytes) {
  try {
    const json fields = json::from_msgpack(bytes);
    UnloadedImage image{{fields.at("name"),
                         fields.at("inputs"),
                         fields.at("outputs"),
                         {},
                         fields.at("faults"),
                         fields.at("infos"),
                         fields.at("arena_bytes")},
                        fields.at("scratch_bytes"),
                        {}};
    for (const json& slot : fields.at("slots")) image.layout.slots.push_back(slot_from_json(slot));
    for (const json& file : fields.at("files")) {
      const auto& binary = file.get_binary();
      image.files.emplace_back(binary.begin(), binary.end());
    }
    return image;
  } catch (const json::exception&) {
    return {};
  }
}

}  // namespace sinter::cpu
