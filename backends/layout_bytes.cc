#include "backends/layout_bytes.h"

#include "runtime/error.h"

// Fields that need no word of their own.
namespace sinter::runtime {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TensorSpec, name, dtype, shape)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FaultSite, kind, op, subject, shape, bound, location)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(KernelInfo, function, name, sources, flops, bytes, number)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Collective::Part, dtype, elements, owner)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Collective, kind, fold, leaves, parts)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Meeting::Place, slot, offset)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Meeting, collective, rank, ranks, operands, results)

}  // namespace sinter::runtime

namespace sinter::backends {
namespace {

using nlohmann::json;
using runtime::Slot;

json slot_to_json(const Slot& slot) {
  return {slot.kind, slot.ordinal, slot.offset, slot.bytes, to_json(slot.data)};
}

Slot slot_from_json(const json& fields) {
  Slot slot{fields.at(0), fields.at(1), fields.at(2), fields.at(3), {}};
  const auto bytes = std::as_bytes(std::span(fields.at(4).get_binary()));
  slot.data.assign(bytes.begin(), bytes.end());
  return slot;
}

void check_tensors(const std::vector<runtime::TensorSpec>& specs) {
  for (const runtime::TensorSpec& spec : specs) {
    check_stored(spec.dtype <= runtime::DType::boolean);
    for (const int64_t extent : spec.shape) check_stored(extent >= 0);
  }
}

void check_slot(const Slot& slot, const runtime::ProgramLayout& layout) {
  check_stored(slot.bytes >= 0 && slot.offset >= 0);
  switch (slot.kind) {
    case Slot::Kind::input:
      return check_stored(slot.ordinal < layout.inputs.size());
    case Slot::Kind::output:
      return check_stored(slot.ordinal < layout.outputs.size());
    case Slot::Kind::arena:
      return check_stored(slot.bytes <= layout.arena_bytes && slot.offset <= layout.arena_bytes - slot.bytes);
    case Slot::Kind::constant:
      return check_stored(slot.data.size() == static_cast<size_t>(slot.bytes));
    case Slot::Kind::state:
      return;
  }
  check_stored(false);
}

// Whether arrays and objects stand in each other as those of packed() do: one more costs the parser a frame
// of the stack.
class Shallow final : public nlohmann::json_sax<json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(size_t) override { return ++depth_ <= kMostDepth; }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(size_t) override { return ++depth_ <= kMostDepth; }
  bool end_array() override { return --depth_ >= 0; }
  bool parse_error(size_t, const std::string&, const json::exception&) override { return false; }

 private:
  static constexpr int kMostDepth = 64;

  int depth_ = 0;
};

}  // namespace

json fields_of(std::string_view bytes) {
  Shallow shallow;
  check_stored(json::sax_parse(bytes, &shallow, json::input_format_t::msgpack));
  return json::from_msgpack(bytes);
}

std::string packed(const json& fields) {
  std::string bytes;
  json::to_msgpack(fields, bytes);
  return bytes;
}

json to_json(std::span<const std::byte> bytes) {
  const auto* begin = reinterpret_cast<const uint8_t*>(bytes.data());
  return json::binary({begin, begin + bytes.size()});
}

json to_json(std::string_view bytes) {
  return to_json(std::as_bytes(std::span(bytes)));
}

json to_json(const runtime::ProgramLayout& layout) {
  json slots = json::array();
  for (const Slot& slot : layout.slots) slots.push_back(slot_to_json(slot));
  return {{"name", layout.name},
          {"inputs", layout.inputs},
          {"outputs", layout.outputs},
          {"slots", std::move(slots)},
          {"faults", layout.faults},
          {"infos", layout.infos},
          {"arena_bytes", layout.arena_bytes}};
}

json to_json(const std::vector<runtime::Meeting>& meetings) {
  return meetings;
}

namespace {

// So that bytes of parts can be told.
constexpr int64_t kMostLeaves = int64_t{1} << 19, kMostElements = int64_t{1} << 40;

void check_place(const runtime::Meeting::Place& place, int64_t bytes, const runtime::ProgramLayout& layout) {
  if (place.slot == runtime::Meeting::Place::kNone) return;
  check_stored(place.slot < layout.slots.size() && place.offset >= 0);
  check_stored(bytes <= layout.slots[place.slot].bytes - place.offset);
}

}  // namespace

std::vector<runtime::Meeting> meetings_from_json(const json& fields, const runtime::ProgramLayout& layout) {
  std::vector<runtime::Meeting> meetings = fields;
  for (const runtime::Meeting& meeting : meetings) {
    const size_t parts = meeting.collective.parts.size();
    check_stored(meeting.operands.size() == parts && meeting.results.size() == parts);
    const auto& collective = meeting.collective;
    check_stored(meeting.rank >= 0 && meeting.rank < meeting.ranks && collective.leaves >= 1 &&
                 collective.leaves <= kMostLeaves);
    check_stored(collective.kind <= runtime::Collective::Kind::all_gather &&
                 collective.fold <= runtime::Fold::min);
    for (size_t i = 0; i < parts; ++i) {
      const runtime::Collective::Part& part = collective.parts[i];
      check_stored(part.dtype <= runtime::DType::boolean && part.elements >= 0 &&
                   part.elements <= kMostElements);
      check_stored(part.owner >= 0 && part.owner < meeting.ranks);
      check_place(meeting.operands[i], meeting.operand_bytes(i), layout);
      check_place(meeting.results[i], meeting.result_bytes(i), layout);
    }
  }
  return meetings;
}

json to_json(const std::vector<runtime::TensorSpec>& specs) {
  return specs;
}

std::vector<runtime::TensorSpec> specs_from_json(const json& fields) {
  std::vector<runtime::TensorSpec> specs = fields;
  check_tensors(specs);
  return specs;
}

runtime::ProgramLayout layout_from_json(const json& fields) {
  runtime::ProgramLayout layout{fields.at("name"),
                                specs_from_json(fields.at("inputs")),
                                specs_from_json(fields.at("outputs")),
                                {},
                                fields.at("faults"),
                                fields.at("infos"),
                                fields.at("arena_bytes")};
  for (const json& slot : fields.at("slots")) layout.slots.push_back(slot_from_json(slot));
  for (const Slot& slot : layout.slots) check_slot(slot, layout);
  for (const runtime::FaultSite& site : layout.faults)
    check_stored(site.kind <= runtime::FaultSite::Kind::finite);
  return layout;
}

std::string_view bytes_from_json(const json& field) {
  const auto& bytes = field.get_binary();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void check_stored(bool holds) {
  if (!holds) throw RuntimeError("these bytes are no compiled function");
}

}  // namespace sinter::backends
