"""What refusals of ONNX files say to do."""

EXPORT = "export the net again with torch.onnx.export(net.eval(), image, 'model.onnx', dynamo=False)"
FLOAT32 = "export the net in float32, net.float().eval(), and submit that"
AGAIN = "copy the file again, or export the net anew"
REBUILD = "build the net from other layers, copy the weights and export it again"
