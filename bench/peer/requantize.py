"""Writes a GGUF file again with its matrices in another type, all else as it was: requantize.py IN OUT TYPE."""

import sys

import gguf

source, target, name = sys.argv[1:]
kind = gguf.GGMLQuantizationType[name]
reader = gguf.GGUFReader(source)
architecture = reader.fields["general.architecture"].contents()
writer = gguf.GGUFWriter(target, architecture)
OWN = {"general.architecture", "general.file_type"}
for field in reader.fields.values():
    if field.name.startswith("GGUF.") or field.name in OWN:
        continue
    kinds = field.types
    inner = kinds[-1] if kinds[0] == gguf.GGUFValueType.ARRAY else None
    writer.add_key_value(field.name, field.contents(), kinds[0], inner)
writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{name}"])
for tensor in reader.tensors:
    values = gguf.dequantize(tensor.data, tensor.tensor_type)
    if values.ndim == 2:
        writer.add_tensor(tensor.name, gguf.quantize(values, kind), raw_dtype=kind)
    else:
        writer.add_tensor(tensor.name, values)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
