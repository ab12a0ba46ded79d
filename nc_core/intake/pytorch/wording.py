"""What refusals of files of weights say to do."""

STATE_DICT = "torch.save(net.state_dict(), 'weights.pth')"
PLAIN = f"load it where you trust it, save the weights alone, {STATE_DICT}, and submit that"
EXPORT = (
    "load it where you trust it, net = torch.load(FILE, weights_only=False).eval() and "
    "torch.onnx.export(net, torch.zeros(1, 3, HEIGHT, WIDTH), 'model.onnx', dynamo=False), and submit model.onnx"
)
EXPORT_NET = (
    "where you have its code, net.load_state_dict(weights) and "
    "torch.onnx.export(net.eval(), torch.zeros(1, 3, HEIGHT, WIDTH), 'model.onnx', dynamo=False), and submit model.onnx"
)
AGAIN = f"copy the file again, or save it anew, {STATE_DICT}"
