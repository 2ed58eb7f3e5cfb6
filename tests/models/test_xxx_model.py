from model_serving.models.xxx_model import XXXModel


def test_predict_keeps_the_order():
    assert XXXModel().predict([{'name': 'Leo'}, {'name': '范叶亮'}]) == ['Hello, Leo!', 'Hello, 范叶亮!']
